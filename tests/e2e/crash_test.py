"""kill -9, Ctrl-C and many at once: the next command cleans up, and ssh can always read its
configuration."""
import contextlib
import os
import random
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from lab.client import RDEV_HOME, jobs, rdev, ssh, ssh_settings, start, up
from lab.proc import eventually, processes, program

MOMENTS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.15, 0.25)


def setUpModule():
    rdev("ssh-config", "--install")


def nothing_left(test):
    eventually(lambda: not processes("rdev-agent") and not processes("local-keeper"), "no process is left")
    test.assertEqual(jobs(), {})
    test.assertEqual(jobs("--all"), {})
    test.assertEqual([p for p in RDEV_HOME.rglob("*.conf")], [])


class KilledUp(unittest.TestCase):
    def test_at_many_moments(self):
        for moment in MOMENTS:
            with self.subTest(moment):
                name = "killed"
                process = start("up", name)
                time.sleep(moment)
                process.kill()
                ssh_settings(f"rdev-{name}")
                listed = jobs()
                # Either it had come so far that the job lives, or there is none.
                if name in listed:
                    rdev("down", name)
                nothing_left(self)
        up(self, "killed")
        ssh("killed", "true")

    def test_the_client_is_killed_and_the_job_lives_on(self):
        with start("up", "lives") as process:
            self.addCleanup(rdev, "down", "lives", code=None)
            self.assertEqual(process.wait(), 0)
        self.assertEqual(ssh("lives", "echo on").text, "on\n")

    def test_killed_proxies_leave_the_job_alone(self):
        up(self, "proxied")
        process = subprocess.Popen([program("rdev"), "proxy", "--raw", "proxied"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        process.stdout.readline()
        process.kill()
        process.communicate()
        ssh("proxied", "true")


class Interrupted(unittest.TestCase):
    def test_control_c_at_many_moments(self):
        for moment in MOMENTS:
            with self.subTest(moment):
                process = start("up", "stopped")
                time.sleep(moment)
                try:
                    process.signal(signal.SIGINT)
                except ProcessLookupError:
                    pass
                code = process.wait()
                # -2: before the handler was there, or after its end, when the job is up; 0: it was
                # up already.
                self.assertIn(code, (0, 130, -2), process.output)
                process.kill()
                if code == 0 or (code == -2 and "stopped" in jobs()):
                    rdev("down", "stopped")
                nothing_left(self)


class KilledAgent(unittest.TestCase):
    def test_everything_below_it_goes_and_down_cleans(self):
        up(self, "agentless", "--", "sleep", "7777")
        eventually(lambda: processes("sleep 7777"), "the command runs")
        for pid, line in processes("rdev-agent").items():
            if "local-keeper" not in line:
                with contextlib.suppress(ProcessLookupError):  # one of them ends with another
                    os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes("sleep 7777"), "the job's processes end with it")
        self.assertEqual(ssh("agentless", "true", code=255).out, b"")
        self.assertNotEqual(rdev("status", "agentless", code=None).errors
                            + rdev("status", "agentless", code=None).text, "")
        rdev("down", "agentless")
        nothing_left(self)

    def test_everything_killed(self):
        up(self, "all")
        for pid in processes("local-keeper") | processes("rdev-agent"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        rdev("down", "all")
        nothing_left(self)


class ManyAtOnce(unittest.TestCase):
    def test_twenty_with_kills(self):
        names = [f"many-{i}" for i in range(20)]
        chance = random.Random(7)
        delays = {name: chance.uniform(0, 1.5) if i % 2 else None for i, name in enumerate(names)}

        def one(name):
            process = start("up", name)
            if delays[name] is None:
                code = process.wait(60)
            else:
                time.sleep(delays[name])
                process.kill()
                code = None
            ssh_settings(f"rdev-{name}")
            return code

        with ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(one, names))
        self.assertEqual([c for c in codes if c is not None], [0] * 10)
        self.assertLessEqual({n for n in names if delays[n] is None}, set(jobs()))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: ssh(name, "true"), [n for n in names if delays[n] is None]))

        def end(name):
            with start("down", name) as process:
                if delays[name] is not None:
                    time.sleep(delays[name] / 10)
                    process.kill()
                else:
                    process.wait(60)
            ssh_settings(f"rdev-{name}")

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(end, names))
        rdev("down", "--all", timeout=60)
        nothing_left(self)

    def test_the_same_name_at_once(self):
        self.addCleanup(rdev, "down", "same", code=None)
        processes_ = [start("up", "same") for _ in range(8)]
        codes = [p.wait(60) for p in processes_]
        for p in processes_:
            p.kill()
        self.assertIn(0, codes, [p.output for p in processes_])
        self.assertEqual(len(processes("rdev-agent serve")), 1, processes("rdev-agent"))
        ssh("same", "true")


if __name__ == "__main__":
    unittest.main()
