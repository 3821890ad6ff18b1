"""The agent as a process: beside the job's command, as process 1, found through its config."""
import json
import os
import re
import signal
import tempfile
import time
import unittest
from pathlib import Path

from lab import config
from lab.agent import Agent, ConfiguredAgent
from lab.proc import Process, processes, program, run
from lab.ssh import make_key

FIRST = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class ByConfig(unittest.TestCase):
    def test_stdio_is_a_transport_and_the_seed_the_host_key(self):
        agent = ConfiguredAgent(self).up()
        self.assertEqual(agent.target.ssh("cat; exit 3", input=b"x" * 300_000, code=3).out, b"x" * 300_000)

    def test_status_and_stop(self):
        agent = ConfiguredAgent(self).up()
        self.assertIn(str(agent.process.pid), agent.call("status").text)
        agent.call("stop")
        agent.process.wait()
        self.assertNotEqual(agent.call("status", code=None).code, 0)
        done = agent.call("stdio", code=None)
        self.assertNotEqual(done.code, 0)
        self.assertTrue(done.errors.strip())
        self.assertFalse(Path(agent.values["socket"]).exists())

    def test_status_as_json(self):
        agent = ConfiguredAgent(self).up()
        self.assertIsInstance(json.loads(agent.call("status", "--json").text), dict)

    def test_socket_directory_is_private(self):
        agent = ConfiguredAgent(self).up()
        self.assertEqual(Path(agent.values["socket"]).parent.stat().st_mode & 0o777, 0o700)

    def test_tcp_too(self):
        agent = ConfiguredAgent(self, listen=["127.0.0.1:0"]).up()
        inodes = set()
        for fd in Path(f"/proc/{agent.process.pid}/fd").iterdir():
            if match := re.match(r"socket:\[(\d+)\]", os.readlink(fd)):
                inodes.add(match[1])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ports = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]
        self.assertEqual(len(ports), 1)
        direct = agent.direct.variant(port=ports[0], options=())
        self.assertEqual(direct.ssh("echo tcp").text, "tcp\n")

    def test_lifetime_ends_the_job(self):
        agent = ConfiguredAgent(self, "sleep", "1000", lifetime_seconds=1)
        started = time.monotonic()
        agent.process.wait(20)
        self.assertGreater(time.monotonic() - started, 0.9)
        self.assertEqual(processes("sleep 1000"), {})

    def test_bad_configs_are_clear_errors(self):
        work = Path(tempfile.mkdtemp())
        (work / "nonsense").write_bytes(b"\xff" * 100)
        (work / "empty").touch()
        (work / "short-seed").write_bytes(config.encode(host_seed=b"x" * 31, socket="/tmp/x"))
        (work / "huge").write_bytes(b"\0" * (2 << 20))
        for path in work.iterdir():
            path.chmod(0o400)
        for path in [*work.iterdir(), work / "missing", work]:
            with self.subTest(path.name):
                done = run(program("rdev-agent"), "serve", "--config", path, code=None)
                self.assertIn(done.code, (1, 2), done)
                self.assertTrue(done.errors.strip())


class ByHand(unittest.TestCase):
    def serve(self, *options, code):
        done = run(program("rdev-agent"), "serve", *options, code=None, timeout=10)
        self.assertIn(done.code, code, done)
        self.assertTrue(done.errors.strip())
        return done.errors

    def test_a_host_key_that_stays(self):
        work = Path(tempfile.mkdtemp())
        seen = []
        for _ in range(2):
            with Agent("--host-key", work / "host") as agent:
                agent.target.ssh("true")
                seen.append(agent.direct.host_key)
        self.assertEqual(seen[0], seen[1])
        self.assertEqual((work / "host").stat().st_mode & 0o777, 0o600)
        with Agent("--host-key", make_key(work, "from-ssh-keygen")) as agent:
            agent.target.ssh("true")

    def test_what_it_prints_can_be_used(self):
        with Agent() as agent:
            self.assertIn(f"ssh -p {agent.port} root@127.0.0.1", agent.process.output)
            known = Path(tempfile.mkdtemp()) / "hosts"
            known.write_text(re.search(r"^\[127.*$", agent.process.output, re.MULTILINE)[0] + "\n")
            self.assertIn(agent.fingerprint, run("ssh-keygen", "-lf", known).text)

    def test_failures_have_a_sentence(self):
        work = Path(tempfile.mkdtemp())
        keys = Path(f"{make_key(work)}.pub")
        (work / "bad").write_text("ssh-ed25519 AAAA nonsense\n")
        (work / "empty").write_text("# nobody\n")
        with Agent() as agent:
            taken = self.serve("--listen", f"127.0.0.1:{agent.port}", "--authorized-keys", keys, code=(1,))
            self.assertIn(str(agent.port), taken)
        for file in (work / "bad", work / "empty", work / "missing"):
            self.assertIn(str(file), self.serve("--listen", "127.0.0.1:0", "--authorized-keys", file, code=(1, 2)))
        for address in ("127.0.0.1", "2222", "127.0.0.1:99999", "nonsense:22", ""):
            self.serve(f"--listen={address}", "--authorized-keys", keys, code=(1, 2))
        self.serve(code=(2,))


class Command(unittest.TestCase):
    """`serve … -- CMD`."""

    def test_its_output_is_the_jobs_log_and_the_job_stays(self):
        with Agent(command=["sh", "-c", "echo from-the-command; exit 3"]) as agent:
            agent.process.wait_for("from-the-command")
            self.assertEqual(agent.target.ssh("echo stays").text, "stays\n")

    def test_exit_with_command(self):
        for script, code in (("exit 5", 5), ("kill -9 $$", 137), ("exit 0", 0)):
            with self.subTest(script), Agent("--exit-with-command", command=["sh", "-c", f"sleep 0.3; {script}"]) as agent:
                self.assertEqual(agent.process.wait(), code)

    def test_a_command_that_is_not_there(self):
        process = Process(program("rdev-agent"), "serve", "--listen", "127.0.0.1:0", "--authorized-keys",
                          f"{make_key(tempfile.mkdtemp())}.pub", "--exit-with-command", "--", "/no/such/thing")
        self.addCleanup(process.kill)
        self.assertEqual(process.wait(), 127)

    def test_sigterm_is_forwarded(self):
        script = "trap 'echo got-term; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
        with Agent(command=["sh", "-c", script]) as agent:
            agent.process.wait_for("ready")
            code = agent.stop()
            self.assertIn("got-term", agent.process.output)
            self.assertEqual(code, 9)

    def test_the_command_has_none_of_the_agents_descriptors(self):
        with Agent(command=["sh", "-c", "ls -l /proc/self/fd; echo listed"]) as agent:
            agent.process.wait_for("listed")
            fds = re.findall(r" (\d+) -> ", agent.process.output)
            self.assertLessEqual(set(fds), {"0", "1", "2", "3"}, agent.process.output)  # 3: ls's own


class AsProcessOne(unittest.TestCase):
    def test_orphans_are_reaped(self):
        with Agent(wrap=FIRST) as agent:
            out = agent.target.ssh("for i in 1 2 3 4 5; do (sleep 0.1 & ) ; done; sleep 0.5; "
                                   "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l; readlink /proc/1/exe").text
            self.assertEqual(out.split()[0], "0")
            self.assertIn("rdev-agent", out.split()[1])

    def test_sigterm_reaches_the_command_and_its_code_comes_back(self):
        script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
        with Agent(wrap=FIRST, command=["sh", "-c", script]) as agent:
            agent.process.wait_for("ready")
            os.kill(children(agent.process.pid)[0], signal.SIGTERM)
            self.assertEqual(agent.process.wait(), 7)

    def test_sigterm_without_a_command(self):
        with Agent(wrap=FIRST) as agent:
            os.kill(children(agent.process.pid)[0], signal.SIGTERM)
            self.assertIn(agent.process.wait(), (0, 143))

    def test_exits_with_the_commands_code(self):
        with Agent("--exit-with-command", wrap=FIRST, command=["sh", "-c", "sleep 0.3; exit 6"]) as agent:
            self.assertEqual(agent.process.wait(), 6)

    def test_the_commands_exit_is_not_an_orphans(self):
        with Agent("--exit-with-command", wrap=FIRST,
                   command=["sh", "-c", "(sh -c 'exit 3' &); sleep 0.5; exit 4"]) as agent:
            self.assertEqual(agent.process.wait(), 4)


class Secrets(unittest.TestCase):
    def test_nothing_secret_in_argv_or_sessions(self):
        agent = ConfiguredAgent(self).up()
        seed = agent.values["host_seed"]
        shown = agent.target.ssh("env; cat /proc/self/environ; ls -l /proc/self/fd").out
        for text in (seed, seed.hex().encode(), agent.values["job_id"].encode()):
            self.assertNotIn(text, shown)
            self.assertNotIn(text, Path(f"/proc/{agent.process.pid}/cmdline").read_bytes())
            self.assertNotIn(text, Path(f"/proc/{agent.process.pid}/environ").read_bytes())
            self.assertNotIn(text, agent.process.output.encode())

    def test_sessions_inherit_no_descriptor(self):
        with Agent() as agent:
            out = agent.target.ssh("ls -l /proc/self/fd").text
            self.assertLessEqual(set(re.findall(r" (\d+) -> ", out)), {"0", "1", "2", "3"}, out)

    def test_the_agents_memory_is_nobodys_business(self):
        """Not even of a session with the agent's own uid: it is not dumpable."""
        work = tempfile.mkdtemp()
        os.chown(work, 4242, 4242)
        wrap = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"]
        with Agent(wrap=wrap, directory=work, env={"HOME": work}) as agent:
            for name in ("mem", "environ", "maps"):
                done = agent.target.ssh(f"cat /proc/{agent.pid}/{name}", code=1)
                self.assertIn("Permission denied", done.errors)

    def test_sessions_are_killed_before_the_agent(self):
        """The agent lowers its out-of-memory score where it may; sessions have the job's own."""
        may_lower = int(re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1], 16) >> 24 & 1
        normal = Path("/proc/self/oom_score_adj").read_text()
        with Agent() as agent:
            self.assertEqual(agent.target.ssh("cat /proc/self/oom_score_adj").text, normal)
            mine = int(Path(f"/proc/{agent.pid}/oom_score_adj").read_text())
            self.assertEqual(mine < int(normal), bool(may_lower))


class ForeignConfiguration(unittest.TestCase):
    def test_openssl_settings_of_the_image_do_not_count(self):
        file = Path(tempfile.mkdtemp()) / "openssl.cnf"
        file.write_text("openssl_conf = all\n[all]\nproviders = some\n[some]\nbase = on\n[on]\nactivate = 1\n")
        with Agent(env={"OPENSSL_CONF": str(file)}) as agent:
            agent.target.ssh("true")


if __name__ == "__main__":
    unittest.main()
