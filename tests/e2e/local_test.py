"""Jobs on this machine, from `rdev up` to `rdev down`, through stock ssh."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab import tree
from lab.client import HOME, RDEV_HOME, jobs, rdev, rdev_json, ssh, ssh_settings, start, up
from lab.proc import eventually, needs_tool, processes, program, run


def setUpModule():
    rdev("ssh-config", "--install")


class UpAndDown(unittest.TestCase):
    def test_the_whole_life(self):
        done = up(self, "life")
        self.assertIn("ssh rdev-life", done.text + done.errors)
        self.assertEqual(ssh("life", "echo hi; exit 3", code=3).text, "hi\n")
        self.assertIn("life", jobs())
        self.assertIn("life", rdev("ls").text)
        rdev("status", "life")
        rdev("down", "life")
        self.assertNotIn("life", jobs())
        self.assertNotIn("proxycommand", ssh_settings("rdev-life"))
        self.assertEqual([p for p in RDEV_HOME.rglob("*life*") if p.suffix != ".lock"], [])
        eventually(lambda: not processes("rdev-agent"), "no agent is left")
        done = ssh("life", "true", code=255)

    def test_strict_host_key_before_the_first_packet(self):
        up(self, "strict")
        settings = ssh_settings("rdev-strict")
        for key, value in {"stricthostkeychecking": "true", "identitiesonly": "yes", "updatehostkeys": "false",
                           "globalknownhostsfile": "none"}.items():
            self.assertEqual(settings[key], value)
        self.assertIn(str(RDEV_HOME), settings["proxycommand"])
        known_hosts = Path(settings["userknownhostsfile"].strip('"'))
        known_hosts.write_text(re.sub(r"AAAA\S+", "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43, known_hosts.read_text()))
        self.assertIn("Host key verification failed", ssh("strict", "true", code=255).errors)

    def test_ssh_config_works_from_an_empty_environment(self):
        up(self, "cron")
        done = run("env", "-i", "PATH=/usr/bin:/bin", f"HOME={HOME}", "ssh", "rdev-cron", "echo", "hi")
        self.assertEqual(done.text, "hi\n")

    def test_terminal_and_streams(self):
        up(self, "streams")
        self.assertIn(b"/dev/pts/", ssh("streams", "tty", options=["-tt"]).out)
        data = os.urandom(30_000_000)
        self.assertEqual(ssh("streams", "cat", input=data).out, data)

    def test_files(self):
        up(self, "files")
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        for words in (["scp", "-pr"], ["rsync", "-a"]):
            with self.subTest(words[0]):
                needs_tool(words[0])
                there, back = work / f"there-{words[0]}", work / f"back-{words[0]}"
                there.mkdir()
                run(*words, source, f"rdev-files:{there}")
                run(*words, f"rdev-files:{there}/source", f"{back}{'' if words[0] == 'scp' else '/'}")
                self.assertEqual(tree.facts(back if words[0] == "scp" else back / "source"), tree.facts(source))
        run("sftp", "-b", "-", "rdev-files", input=f"get {source}/a.txt {work}/a\n")
        self.assertEqual((work / "a").read_text(), "hello\n")

    def test_name_from_the_working_directory(self):
        place = Path(tempfile.mkdtemp()) / "My_Project 2"
        place.mkdir()
        self.addCleanup(rdev, "down", "--all", code=None)
        rdev("up", cwd=place)
        (name,) = jobs()
        self.assertRegex(name, "^my-project-2$")

    def test_several_jobs(self):
        for name in ("one", "two", "three"):
            up(self, name, "--env", f"WHICH={name}")
        for name in ("one", "two", "three"):
            self.assertEqual(ssh(name, "echo $WHICH").text, f"{name}\n")
        rdev("down", "two")
        self.assertEqual(set(jobs()), {"one", "three"})
        rdev("down", "--all")
        self.assertEqual(jobs(), {})

    def test_raw_proxy_is_an_ssh_port(self):
        up(self, "raw")
        proxy = subprocess.Popen([program("rdev"), "proxy", "--raw", "raw"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.assertRegex(proxy.stdout.readline(), rb"^SSH-2\.0-rdev_")
        proxy.stdin.close()
        proxy.stdout.close()
        proxy.wait(10)

    def test_json(self):
        answer = json.loads(up(self, "json", "--json").text)
        self.assertEqual(answer["name"], "json")
        self.assertEqual(answer["cluster"], "local")
        status = rdev_json("status", "json")
        self.assertEqual(status["name"], "json")
        self.assertIn("running", json.dumps(status))
        self.assertIn("json", jobs())
        rdev_json("down", "json")


class Secrets(unittest.TestCase):
    def test_nothing_secret_in_processes_logs_or_output(self):
        done = up(self, "secret", "--", "sh", "-c", "env; exec sleep 600")
        ssh("secret", "true")
        keys = [p for p in RDEV_HOME.rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
        self.assertGreaterEqual(len(keys), 2)
        secrets = [key.read_text().splitlines()[-3] for key in keys]
        shown = done.text + done.errors + rdev("logs", "secret").text + ssh("secret", "env").text
        for directory in Path("/proc").iterdir():
            for file in ("cmdline", "environ") if directory.name.isdigit() else ():
                try:
                    shown += (directory / file).read_bytes().decode(errors="replace")
                except OSError:
                    pass
        for secret in secrets:
            self.assertNotIn(secret, shown)

    def test_nobody_else_may_connect(self):
        """The socket is in a directory of the user's own."""
        up(self, "mine")
        endpoint = next(e for e in rdev_json("status", "mine")["endpoints"] if e.startswith("unix:"))
        path = endpoint.removeprefix("unix:")
        done = run("setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups", "/usr/bin/python3", "-c",
                   "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", path, code=1)
        self.assertIn("PermissionError", done.errors)
        self.assertEqual(processes("rdev-agent") and [line for line in Path("/proc/net/tcp").read_text().splitlines()
                                                      if " 0A " in line], [])


class Progress(unittest.TestCase):
    def test_each_stage_with_its_time_and_no_redraw_without_a_terminal(self):
        done = up(self, "stages")
        self.assertRegex(done.errors, r"(?m)^  starting the agent +\d+\.\d\d s$")
        self.assertRegex(done.errors, r"(?m)^  waiting for the agent +\d+\.\d\d s$")
        self.assertNotIn("\x1b", done.text + done.errors)
        self.assertNotIn("\r", done.errors)


class Commands(unittest.TestCase):
    def test_output_is_the_log_and_the_job_stays(self):
        up(self, "cmd", "--", "sh", "-c", "echo out; echo err >&2; exit 4")
        eventually(lambda: "err" in rdev("logs", "cmd").text, "the log has both")
        self.assertIn("out\n", rdev("logs", "cmd").text)
        self.assertEqual(ssh("cmd", "echo stays").text, "stays\n")

    def test_logs_follow(self):
        go = Path(tempfile.mkdtemp()) / "go"
        up(self, "follow", "--env", f"GO={go}", "--", "sh", "-c",
           'echo first; while [ ! -e "$GO" ]; do sleep 0.05; done; echo second')
        with start("logs", "follow", "-f") as logs:
            logs.wait_for("first")
            go.touch()
            logs.wait_for("second")
            rdev("down", "follow")
            logs.wait()

    def test_sessions_have_the_jobs_environment(self):
        up(self, "env", "--env", "A=with space", "--env", "B=x=y")
        self.assertEqual(ssh("env", 'echo "$A|$B"').text, "with space|x=y\n")

    def test_what_local_cannot_do_names_docker(self):
        for option in (["--image", "busybox"], ["--gpus", "1"], ["--mount", "/tmp:/x"]):
            done = rdev("up", "no", *option, code=2)
            self.assertIn("--cluster docker", done.errors)
        self.assertEqual(jobs(), {})

    def test_lifetime(self):
        up(self, "short", "--ttl", "2s")
        eventually(lambda: not processes("rdev-agent"), "the lifetime ends the job")
        done = rdev("up", "short", code=1)
        self.assertIn("rdev down short", done.errors)

    def test_wrong_lifetimes(self):
        for ttl in ("", "abc", "-5h", "0s", "5 parsecs", "99999999999h"):
            self.assertEqual(rdev("up", "ttl", f"--ttl={ttl}", code=None).code, 2, ttl)


class Again(unittest.TestCase):
    def test_a_living_job_is_reattached(self):
        first = json.loads(up(self, "again", "--json").text)
        agents = processes("rdev-agent")
        second = json.loads(rdev("up", "again", "--json").text)
        self.assertEqual(second["name"], first["name"])
        self.assertEqual(processes("rdev-agent"), agents)
        ssh("again", "true")

    def test_a_dead_job_says_how_to_go_on(self):
        up(self, "dead")
        for pid in processes("rdev-agent"):
            with contextlib.suppress(ProcessLookupError):  # its spare process ends with it
                os.kill(pid, 9)
        done = eventually(lambda: (d := rdev("up", "dead", code=None)).code and d, "it is seen")
        self.assertEqual(done.code, 1)
        self.assertIn("rdev down dead", done.errors)
        done = ssh("dead", "true", code=255)
        self.assertRegex(done.errors, "(?i)dead|gone|ended|not running")
        self.assertNotEqual(rdev("status", "dead", code=None).text, "")
        rdev("down", "dead")
        up(self, "dead")
        ssh("dead", "true")

    def test_lost_state(self):
        up(self, "lost")
        shutil.rmtree(RDEV_HOME / "state")
        self.assertNotIn("lost", jobs())
        self.assertIn("lost", jobs("--all"))
        rdev("down", "lost")
        eventually(lambda: not processes("rdev-agent"), "no agent is left")
        self.assertNotIn("lost", jobs("--all"))

    def test_take_over_after_lost_state(self):
        up(self, "taken", "--", "sleep", "5000")
        before = processes("sleep 5000")
        shutil.rmtree(RDEV_HOME / "state")
        up(self, "taken")
        ssh("taken", "true")
        self.assertEqual(processes("sleep 5000"), before)

    def test_a_clock_that_is_off_does_no_harm(self):
        up(self, "clock")
        record = next(RDEV_HOME.rglob("job.json"))
        for shift in (-86400 * 400, 86400 * 400):
            value = json.loads(record.read_text())
            for key in [k for k in value if k.endswith("unix_s") and value[k]]:
                value[key] += shift
            record.write_text(json.dumps(value))
            ssh("clock", "true")
            rdev("status", "clock")
            rdev("ls")
            rdev("up", "clock")


if __name__ == "__main__":
    unittest.main()
