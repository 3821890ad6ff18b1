"""What the agent costs: size, memory, start, and nothing at all while idle."""
import os
import shutil
import statistics
import sys
import tempfile
import time
import unittest
from pathlib import Path

from lab.agent import Agent
from lab.proc import LONG, SANITIZED, cpu_ticks, only_if, program, run, status_kb

IDLE_S = 60 if LONG else 10


@only_if(not SANITIZED)  # those builds are dynamic and large
class Binary(unittest.TestCase):
    def test_static(self):
        out = run("readelf", "-lW", program("rdev-agent")).text
        self.assertNotIn("INTERP", out)
        self.assertNotIn("(NEEDED)", run("readelf", "-dW", program("rdev-agent")).text)

    def test_size(self):
        stripped = Path(tempfile.mkdtemp()) / "agent"
        shutil.copy(program("rdev-agent"), stripped)
        run("strip", stripped)
        size = stripped.stat().st_size
        print(f"rdev-agent: {size / 1e6:.2f} MB stripped", file=sys.stderr)
        self.assertLessEqual(size, 6_500_000)

    def test_start(self):
        """From execve to listening: the aim is 20 ms; the bound leaves room for a busy machine."""
        took = []
        for _ in range(20):
            with Agent() as agent:
                took.append((agent.listening_at - agent.started_at) * 1000)
        median = statistics.median(took)
        print(f"rdev-agent: {median:.1f} ms from fork to listening (median of 20)", file=sys.stderr)
        self.assertLess(median, 100)


class Idle(unittest.TestCase):
    def test_no_tick_and_little_memory(self):
        with Agent() as agent:
            agent.target.ssh("true")
            time.sleep(0.5)  # what the connection left to do
            before = cpu_ticks(agent.pid)
            time.sleep(IDLE_S)
            self.assertEqual(cpu_ticks(agent.pid), before, f"ticks within {IDLE_S} s")
            if not SANITIZED:
                self.assertLess(status_kb(agent.pid, "VmRSS"), 10 * 1024)

    def test_descriptors_do_not_leak(self):
        with Agent() as agent:
            def count():
                return len(os.listdir(f"/proc/{agent.pid}/fd"))
            agent.target.ssh("true")
            before = count()
            for _ in range(20):
                agent.target.ssh("true")
                agent.target.ssh("true", options=["-tt"])
            end = time.monotonic() + 5
            while count() > before and time.monotonic() < end:
                time.sleep(0.05)
            self.assertLessEqual(count(), before)

    def test_fd_limit_is_raised(self):
        def limits(pid):
            line = next(x for x in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in x)
            return line.split()[3:5]
        with Agent(wrap=["prlimit", "--nofile=1000:5000"]) as agent:
            self.assertEqual(limits(agent.pid), ["5000", "5000"])


if __name__ == "__main__":
    unittest.main()
