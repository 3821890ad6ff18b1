"""A job at its limit of processes or of memory: who is in stays in, and one more gets in."""
import subprocess
import unittest

from lab.agent import spare_of
from lab.cgroup import Group
from lab.client import rdev, ssh, start, up
from lab.link import agent_pid, link_pid
from lab.proc import Process, eventually


def setUpModule():
    rdev("ssh-config", "--install")


class Limits(unittest.TestCase):
    def job(self, name, controller):
        """A job whose agent and spare are in a group of their own."""
        up(self, name)
        link_pid(name)
        self.agent = agent_pid()
        spare = eventually(lambda: spare_of(self.agent), "the spare process is started")
        self.group = Group(controller, name)
        self.addCleanup(self.group.remove)
        self.group.add(self.agent, spare)

    def session(self, name):
        session = start("exec", name, "--", "sh", "-c", "echo up; exec cat", stdin=subprocess.PIPE)
        self.addCleanup(session.kill)
        session.wait_for("up")
        return session

    def fill(self):
        """Processes of the job until pids.max is reached."""
        self.group.limit(self.group.tasks() + 2)
        fillers = []
        while self.group.tasks() < int((self.group.path / "pids.max").read_text()):
            fillers.append(Process("sleep", "3000"))
            self.addCleanup(fillers[-1].kill)
            self.group.add(fillers[-1].pid)
        return fillers

    def test_no_more_processes(self):
        self.job("crowded", "pids")
        session = self.session("crowded")
        fillers = self.fill()
        session.echoes("the-link-answers")
        self.assertIn("crowded", rdev("ls").text)
        # Without a shell between: nothing has to be forked.
        rdev("exec", "crowded", "--", "kill", str(fillers[0].pid))
        fillers[0].wait()
        session.echoes("still")
        eventually(lambda: spare_of(self.agent), "there is a spare process again")

    def test_no_more_processes_for_stock_ssh(self):
        self.job("crowdedssh", "pids")
        session = self.session("crowdedssh")
        fillers = self.fill()
        ssh("crowdedssh", f"kill {fillers[0].pid}")
        fillers[0].wait()
        session.echoes("still")

    def test_the_second_one_more_is_told_why(self):
        self.job("full", "pids")
        self.fill()
        last = self.session("full")
        done = rdev("exec", "full", "--", "true", code=126)
        self.assertIn("as many processes", done.errors)
        last.echoes("the-last-one-in")

    def test_no_more_memory(self):
        self.job("fat", "memory")
        session = self.session("fat")
        self.group.limit(300 << 20)
        hog = "import os; x = [os.urandom(1 << 20) for _ in range(1000)]"
        done = rdev("exec", "fat", "--", "/usr/bin/python3", "-c", hog, code=None, timeout=60)
        self.assertEqual(done.code, 137, done)
        session.echoes("the-link-answers")
        self.assertEqual(rdev("exec", "fat", "--", "echo", "again").text, "again\n")
        self.assertEqual(agent_pid(), self.agent)


if __name__ == "__main__":
    unittest.main()
