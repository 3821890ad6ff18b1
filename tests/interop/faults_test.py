"""What strangers and shortage do to the agent: nothing, to those who are in."""
import contextlib
import os
import random
import resource
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from lab import wire
from lab.agent import Agent, spare_of
from lab.proc import SANITIZED, Process, cpu_ticks, descriptors, eventually, processes, status_kb

STRANGERS = 2_000 if SANITIZED else 10_000
IDENT = b"SSH-2.0-lab_10\r\n"


def settled(agent):
    """How many descriptors it has once nothing is under way."""
    eventually(lambda: spare_of(agent.pid), "the spare process is started")
    seen = []
    eventually(lambda: seen.append(descriptors(agent.pid)) or len(seen) > 9 and len(set(seen[-10:])) == 1,
               "no descriptor comes or goes for 0.2 s")
    return seen[-1]


@contextlib.contextmanager
def descriptors_left(agent, count):
    """RLIMIT_NOFILE, which counts numbers and not descriptors: leaves so many free ones."""
    settled(agent)
    before = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    taken = {int(fd) for fd in os.listdir(f"/proc/{agent.pid}/fd")}
    limit = next(n for n in range(1 << 20) if n - sum(fd < n for fd in taken) == count)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, before)


def abort(s):
    """A reset instead of an end."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class Strangers(unittest.TestCase):
    """Half-open, garbage and aborted connections, thousands of them."""

    def crowd(self, port, dice, count):
        """Each says something else and goes in its own way; some stay for a while."""
        staying = []
        for i in range(count):
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            with contextlib.suppress(ConnectionError, TimeoutError):
                kind = i % 5
                if kind == 1:
                    s.sendall(dice.randbytes(dice.randrange(1, 2000)))
                elif kind == 2:
                    s.sendall(IDENT + dice.randbytes(dice.randrange(1, 2000)))
                elif kind == 3:
                    s.sendall(IDENT + struct.pack(">IB", dice.randrange(40000), 4) + b"\x14" + dice.randbytes(200))
                elif kind == 4:
                    s.sendall(IDENT[:dice.randrange(len(IDENT))])
            staying.append(s)
            if len(staying) > 40:
                gone = staying.pop(dice.randrange(len(staying)))
                abort(gone) if i % 2 else gone.close()
        for s in staying:
            s.close()

    def test_they_leave_the_agent_as_it_was(self):
        dice = random.Random(4)
        with Agent() as agent, agent.target.start("echo up; exec cat", stdin=subprocess.PIPE) as session:
            session.wait_for("up")
            self.crowd(agent.port, dice, 500)  # warms up
            agent.target.ssh("true")
            quiet = settled(agent)
            rss = status_kb(agent.pid, "VmRSS")
            for part in range(4):
                self.crowd(agent.port, dice, STRANGERS // 4)
                session.echoes(f"still-{part}")
            eventually(lambda: descriptors(agent.pid) <= quiet, "their descriptors are closed")
            self.assertEqual(agent.target.ssh("echo serving").text, "serving\n")
            if not SANITIZED:
                self.assertLess(status_kb(agent.pid, "VmRSS") - rss, 2048)

    def test_those_who_say_nothing_do_not_keep_out_who_has_a_key(self):
        with Agent() as agent:
            silent = [socket.create_connection(("127.0.0.1", agent.port), timeout=10) for _ in range(300)]
            self.addCleanup(lambda: [s.close() for s in silent])
            # Sockets of our own to it; the agent's own view is a descriptor more each.
            eventually(lambda: self.open_ones(silent) <= 101, "OpenSSH's bound of 100 holds")
            self.assertGreater(self.open_ones(silent), 50)
            for i in range(5):
                self.assertEqual(agent.target.ssh(f"echo {i}").text, f"{i}\n")

    @staticmethod
    def open_ones(sockets):
        count = 0
        for s in sockets:
            s.settimeout(0)
            try:
                while s.recv(4096):
                    pass
            except BlockingIOError:
                count += 1
            except ConnectionError:
                pass
        return count

    def test_some_are_dropped_long_before_that(self):
        """Random early drop: of those who wait for longer than a login takes."""
        with Agent() as agent:
            silent = [socket.create_connection(("127.0.0.1", agent.port), timeout=10) for _ in range(30)]
            self.addCleanup(lambda: [s.close() for s in silent])
            for s in silent:
                wire.ident(s)
            time.sleep(2.2)
            for _ in range(40):  # at 30 % and more each: none dropped once in 10^6 runs
                with wire.connection(agent.port) as s:
                    wire.ident(s)
            left = self.open_ones(silent)
            self.assertLess(left, 30)
            self.assertGreater(left, 5)

    def test_a_crowd_of_logins_all_get_in(self):
        """Nobody is dropped below the bound who is quick."""
        with Agent() as agent:
            many = [agent.target.start(f"echo in-{i}") for i in range(24)]
            for i, one in enumerate(many):
                self.assertEqual(one.wait(30), 0, one.output)
                self.assertIn(f"in-{i}", one.output)


class OutOfDescriptors(unittest.TestCase):
    def test_a_session_that_finds_none_ends_with_a_sentence(self):
        with Agent() as agent:
            for options in ([], ["-tt"]):
                with descriptors_left(agent, 3):  # a connection takes two
                    done = agent.target.ssh("echo started", options=options, code=126)
                self.assertNotIn("started", done.text)
                self.assertIn("Too many open files", done.errors)
            self.assertEqual(agent.target.ssh("echo again").text, "again\n")

    def test_a_connection_that_finds_none_waits(self):
        with Agent() as agent, agent.target.start("echo up; exec cat", stdin=subprocess.PIPE) as session:
            session.wait_for("up")
            with descriptors_left(agent, 0):
                waiting = socket.create_connection(("127.0.0.1", agent.port), timeout=10)
                self.addCleanup(waiting.close)
                agent.process.wait_for("cannot accept connections")
                session.echoes("still-here")
                ticks = cpu_ticks(agent.pid)
                time.sleep(2)
                self.assertLessEqual(cpu_ticks(agent.pid) - ticks, 2, "it spins")
            self.assertIn("rdev_", wire.ident(waiting))
            self.assertEqual(agent.target.ssh("echo again").text, "again\n")
            self.assertEqual(agent.process.output.count("cannot accept connections"), 1)

    def test_one_that_finds_too_few_is_closed(self):
        with Agent() as agent:
            with descriptors_left(agent, 1):
                self.assertEqual(agent.target.ssh("true", code=None).code, 255)
            self.assertEqual(agent.target.ssh("echo again").text, "again\n")

    def test_forwards(self):
        with Agent() as agent:
            server = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(server.close)
            with descriptors_left(agent, 2):
                done = agent.target.ssh(options=["-W", f"127.0.0.1:{server.getsockname()[1]}"], code=None)
            self.assertNotEqual(done.code, 0)
            self.assertIn("Too many open files", done.errors)
            self.assertEqual(agent.target.ssh("echo again").text, "again\n")


class NoTerminals(unittest.TestCase):
    def test_without_dev_pts_there_is_a_sentence(self):
        hide = "mount -t tmpfs none /dev/pts && mount --bind /dev/null /dev/ptmx && exec \"$@\""
        with Agent(wrap=["unshare", "--mount", "sh", "-c", hide, "sh"]) as agent:
            done = agent.target.ssh("echo started", options=["-tt"], code=None)
            self.assertNotEqual(done.code, 0)
            self.assertIn("ssh -T", done.text + done.errors)
            self.assertEqual(agent.target.ssh("echo without").text, "without\n")


class NoRoom(unittest.TestCase):
    """The user may have no more processes, as at a container's pids limit: fork(2) says EAGAIN."""

    MOST = 8

    def setUp(self):
        # A user that nobody else is: the limit counts all of a user's processes.
        self.uid = random.SystemRandom().randrange(100_000, 2_000_000_000)
        work = Path(tempfile.mkdtemp())
        os.chown(work, self.uid, self.uid)
        self.become = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        self.agent = Agent(wrap=["prlimit", f"--nproc={self.MOST}", *self.become], directory=work,
                           env={"HOME": str(work)}, cwd=work)
        self.addCleanup(self.agent.end)
        self.target = self.agent.target
        self.fillers = []
        self.addCleanup(self.make_room)
        eventually(self.spare, "a spare process waits")

    def spare(self):
        return spare_of(self.agent.pid)

    def count(self):
        found = 0
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                found += directory.stat().st_uid == self.uid or directory.name == str(self.agent.pid)
        return found

    def fill(self):
        while self.count() < self.MOST:
            self.fillers.append(Process(*self.become, "sleep", "1000"))
            directory = f"/proc/{self.fillers[-1].pid}"
            eventually(lambda: os.stat(directory).st_uid == self.uid, "it is that user's")

    def make_room(self):
        while self.fillers:
            self.fillers.pop().kill()

    def echo(self, word):
        session = self.target.start(f"echo {word}; exec cat", stdin=subprocess.PIPE)
        self.addCleanup(session.kill)
        session.wait_for(word)
        return session

    def test_one_more_session_opens_and_can_make_room(self):
        established = self.echo("up")
        self.fill()
        established.echoes("it-answers")
        victim = self.fillers[0]
        self.assertEqual(self.target.ssh(f"echo in; kill {victim.pid}").text, "in\n")
        victim.wait()
        self.make_room()
        self.assertEqual(self.target.ssh("id -u").text, f"{self.uid}\n")
        eventually(self.spare, "there is a spare process again")

    def test_without_the_spare_there_is_a_sentence(self):
        established = self.echo("up")
        self.fill()
        last = self.echo("spare")
        done = self.target.ssh("echo started", code=126)
        self.assertIn("as many processes", done.errors)
        last.echoes("a-session-as-any-other")
        established.echoes("it-answers")

    def test_a_terminal(self):
        self.fill()
        done = self.target.ssh("test -t 0 && echo on-$SSH_TTY; exit 5", options=["-tt"], code=5)
        self.assertIn("on-/dev/pts/", done.text)

    def test_sftp(self):
        self.fill()
        work = Path(tempfile.mkdtemp())
        work.chmod(0o777)
        self.target.sftp(f"put /etc/passwd {work}/copy\n")
        self.assertEqual((work / "copy").stat().st_uid, self.uid)

    def test_a_command_that_is_not_there(self):
        self.fill()
        self.assertIn("/no/such/thing: No such file", self.target.ssh("exec /no/such/thing", code=127).errors)

    def test_it_ends_with_the_agent_and_is_replaced_when_killed(self):
        first = self.spare()
        os.kill(first, 9)
        eventually(lambda: self.spare() not in (None, first), "there is another")
        second = self.spare()
        self.assertEqual(self.agent.stop(), 0)
        self.assertNotIn(second, processes())


if __name__ == "__main__":
    unittest.main()
