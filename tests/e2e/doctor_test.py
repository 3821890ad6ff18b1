"""`rdev doctor` of the laptop and of a job here: each fault is made, and is told of once, with a cure, within two seconds."""
import json
import os
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

from lab.client import RDEV_HOME, rdev, rdev_json, up
from lab.doctor import SSH_CONFIG, Faults, doctor, not_well, silent
from lab.proc import processes, program, run


class Laptop(Faults):
    def test_nothing_is_wrong(self):
        rows = doctor(code=0)
        self.assertEqual(not_well(rows), {})
        self.assertEqual(rows["docker"]["status"], "info")  # not installed is no fault
        text = rdev("doctor").text
        self.assertIn("all is well", text)
        self.assertNotIn("\033", text)
        self.assertRegex(rows["ssh"]["detail"], "^OpenSSH")

    def test_colours_are_for_terminals(self):
        def on_a_terminal(**env):
            return run("script", "-qec", f"{program('rdev')} doctor", "/dev/null", env=env).text
        self.assertIn("\033[32m", on_a_terminal())
        self.assertNotIn("\033[32m", on_a_terminal(NO_COLOR="1"))

    def path_with(self, name, script):
        directory = Path(tempfile.mkdtemp())
        for tool in ("sh", "sleep", "scp"):
            (directory / tool).symlink_to(shutil.which(tool))
        if script:
            (directory / name).write_text(f"#!/bin/sh\n{script}\n")
            (directory / name).chmod(0o755)
        return {"PATH": str(directory)}

    def test_no_ssh(self):
        rows = self.only("ssh", "warn", "no ssh in the PATH", self.path_with("ssh", None))
        self.assertEqual(rows["copying"]["detail"], "found: scp; not found: sftp, rsync")

    def test_an_ssh_that_fails(self):
        self.only("ssh", "fail", "does not tell a version", self.path_with("ssh", "exit 1"))

    def test_an_ssh_that_hangs(self):
        self.only("ssh", "fail", "no answer within 1.5 s", self.path_with("ssh", "exec sleep 1000"))

    def test_without_the_include_line(self):
        rdev("ssh-config", "--uninstall")
        rows = self.only("ssh configuration", "warn", "does not include")
        self.assertIn("rdev ssh-config --install", rows["ssh configuration"]["cure"])

    def test_an_include_line_behind_a_host(self):
        SSH_CONFIG.write_text("Host work\n  User me\n" + SSH_CONFIG.read_text())
        self.only("ssh configuration", "fail", "behind a Host or Match")

    def write(self, name, text):
        path = RDEV_HOME / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.addCleanup(path.unlink)

    def test_a_configuration_that_cannot_be_read(self):
        self.write("config.yaml", "cluster: [docker\n")
        self.only("configuration", "fail", r"config\.yaml:\d")

    def test_a_cluster_that_cannot_be_read(self):
        self.write("clusters/odd.yaml", "kind: openpai\nurll: http://127.0.0.1\n")
        self.only("configuration", "fail", r"odd\.yaml:2")

    def test_a_directory_that_cannot_be_written_to(self):
        work = Path(tempfile.mkdtemp())
        env = {"RDEV_HOME": "", "XDG_CONFIG_HOME": f"{work}/config", "XDG_STATE_HOME": f"{work}/state", "XDG_RUNTIME_DIR": f"{work}"}
        (work / "state").mkdir()
        rdev("ssh-config", "--install", env=env)
        run("mount", "-t", "tmpfs", "-o", "ro", "none", work / "state")
        self.addCleanup(run, "umount", work / "state")
        self.only("directories", "fail", "(?i)read-only", env)

    def test_a_token_that_others_can_read(self):
        token = RDEV_HOME / "state/tokens/old"
        token.parent.mkdir(parents=True, exist_ok=True)
        (RDEV_HOME / "state").chmod(0o700)
        token.write_text("secret")
        self.addCleanup(token.unlink)
        token.chmod(0o640)
        rows = self.only("permissions", "fail", str(token))
        self.assertNotIn("secret", json.dumps(rows))
        run("sh", "-c", rows["permissions"]["cure"])
        self.assertEqual(not_well(doctor()), {})

    def test_a_runtime_directory_that_is_too_long(self):
        home = Path(tempfile.mkdtemp()) / ("d" * 80)
        home.mkdir()
        rdev("ssh-config", "--install", env={"RDEV_HOME": str(home)})
        self.only("sockets", "warn", "too long for unix sockets", {"RDEV_HOME": str(home)})

    def test_a_runtime_directory_of_somebody_else(self):
        directory = RDEV_HOME / "run"
        directory.mkdir(exist_ok=True)
        os.chown(directory, 4242, 4242)
        self.addCleanup(os.chown, directory, 0, 0)
        self.only("sockets", "fail", "belongs to uid 4242")

    def test_what_a_crash_left(self):
        job = RDEV_HOME / "state/jobs/crashed"
        job.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, job, True)
        self.only("leftovers", "warn", "crashed")
        (job / "job.json").write_text("{")
        self.only("leftovers", "fail", "job.json")

    def test_an_entry_of_a_job_that_is_gone(self):
        entry = RDEV_HOME / "state/ssh.d/gone.conf"
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text("")
        rows = self.only("ssh entries", "warn", "gone.conf")
        run("sh", "-c", rows["ssh entries"]["cure"])
        self.assertEqual(not_well(doctor()), {})

    def test_an_entry_that_is_missing(self):
        up(self, "bare")
        (RDEV_HOME / "state/ssh.d/bare.conf").unlink()
        rows = self.only("ssh entries", "warn", "missing for bare")
        self.assertRegex(rows["job bare"]["detail"], "^link|^no link")
        rdev("up", "bare")
        self.assertEqual(not_well(doctor()), {})

    def test_a_link_process_that_hangs(self):
        up(self, "hung")
        rdev("exec", "hung", "--", "true")
        link = next(iter(processes("link-process\0hung") | processes("link-process hung")))
        os.kill(link, signal.SIGSTOP)
        self.addCleanup(os.kill, link, signal.SIGCONT)
        self.only("job hung", "fail", "no answer within 1.5 s")

    def test_a_proxy_that_is_none(self):
        rows = self.only("proxies", "fail", "socks5", {"https_proxy": "socks5://user:hidden@127.0.0.1:1"})
        self.assertNotIn("hidden", json.dumps(rows))

    def test_proxies_are_told(self):
        rows = doctor({"HTTPS_PROXY": "http://user:hidden@proxy.example.com:3128"}, code=0)
        self.assertEqual(rows["proxies"]["detail"], "HTTPS_PROXY is proxy.example.com port 3128")

    def test_an_engine_that_is_not_there(self):
        self.only("docker", "fail", "DOCKER_HOST", {"DOCKER_HOST": "unix:///no/such.sock"})

    def test_an_engine_that_never_answers(self):
        with silent() as port:
            self.only("docker", "fail", "did not answer", {"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})

    def test_an_engine_that_is_none(self):
        self.only("docker", "fail", "DOCKER_HOST", {"DOCKER_HOST": "nonsense://"})

    def test_usage(self):
        self.assertIn("Bad_Name", rdev("doctor", "Bad_Name", code=2).errors)


class Job(Faults):
    def job(self, name, code=None):
        done = rdev("doctor", name, "--json", code=code)
        return {row["check"]: row for row in json.loads(done.text)}

    def test_of_nobody(self):
        rows = self.job("nobody", code=1)
        self.assertEqual(not_well(rows), {"job nobody: known here": "fail"})
        self.assertEqual(rows["job nobody: link"]["status"], "skipped")

    def test_of_a_job_here(self):
        up(self, "here")
        rows = self.job("here", code=0)
        self.assertEqual([rows[f"job here: {one}"]["status"] for one in ("known here", "state", "endpoint", "link", "inside")], ["ok"] * 5)
        self.assertEqual({rows[one]["status"] for one in ("shell", "libc", "tar", "python3", "/tmp", "home", "disk /", "locale")}, {"ok"}, rows)
        self.assertIn("job here", doctor())

    def test_one_that_has_ended(self):
        fifo = Path(tempfile.mkdtemp()) / "fifo"
        os.mkfifo(fifo)
        up(self, "over", "--exit-with-command", "--", "sh", "-c", f"read line < {fifo}")
        fifo.write_text("go on\n")
        rdev("logs", "over", "-f")
        rows = self.job("over", code=1)
        self.assertEqual(not_well(rows), {"job over: state": "fail"})
        self.assertIn("rdev logs over", rows["job over: state"]["cure"])

    def test_nothing_is_run_there(self):
        up(self, "still", "--env", "PATH=/no/such", "--env", "LANG=xx_XX.UTF-8")
        rows = self.job("still", code=0)
        self.assertEqual(rows["tar"]["status"], "warn")
        self.assertIn("VS Code", rows["tar"]["detail"])
        self.assertEqual(rows["locale"]["status"], "warn")
        self.assertEqual(rdev_json("status", "still")["state"], "running")


if __name__ == "__main__":
    unittest.main()
