"""When the link is doubted, when it dials again, and how soon it is back: on a line of its own."""
import subprocess
import sys
import time
import unittest

from lab import docker, images
from lab.client import rdev, rdev_json
from lab.link import link_pid, link_processes
from lab.netem import DEVICE, Link
from lab.proc import LONG, PATIENCE, eventually

NAME = "redial"


def setUpModule():
    """The job's container engine is on the other side; the agent's port is published there."""
    global line
    line = Link(rtt_ms=50)
    unittest.addModuleCleanup(line.close)
    with line.job.socket() as s:
        port = s.getsockname()[1]
    engine = docker.Dockerd(tcp=f"{line.job.address}:{port}", host=line.job)
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")
    rdev("up", NAME, "--cluster", "docker", "--image", "lab/busybox:1", "--publish", line.job.address)
    unittest.addModuleCleanup(rdev, "down", NAME, code=None)


def status():
    return rdev_json("status", NAME, timeout=60)


def connections():
    return status()["link_connections"]


def until(done, what, timeout=30):
    """The first status for which `done` holds, and when that was."""
    found = eventually(lambda: (s := status()) and done(s) and s, what, timeout=timeout)
    return found, time.monotonic()


def is_up(s):
    return s["link_state"] == "up"


def log():
    from lab.client import RDEV_HOME
    return "\n".join(p.read_text() for p in RDEV_HOME.rglob("link.log"))


class Redial(unittest.TestCase):
    def setUp(self):
        line.cut(0)
        line.tell("rtt", "50ms")
        line.tell("loss", "0%")
        self.pid = link_pid(NAME)
        self.before = connections()

    def tearDown(self):
        self.assertEqual(link_processes(NAME), {self.pid}, log())

    def test_a_silent_cut(self):
        """Data waits: doubted after 5 s; back soon after the cut."""
        with subprocess.Popen(["true"]):
            pass
        line.cut(600)
        cut = time.monotonic()
        # What is sent now waits for an answer.
        waiting = subprocess.Popen([rdev_program(), "exec", NAME, "--", "true"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        doubted, when = until(lambda s: s["link_state"] == "suspect", "it is doubted")
        print(f"a cut line was doubted after {when - cut:.1f} s: {doubted['link_reason']}", file=sys.stderr)
        self.assertRegex(doubted["link_reason"], r"^nothing heard for \d+\.\d s; trying another connection$")
        self.assertLess(when - cut, 9 * PATIENCE)
        self.assertEqual(doubted["link_connections"], self.before)
        self.assertRegex(rdev("status", NAME, timeout=60).text, r"link +suspect for \d+s.*nothing heard for")
        time.sleep(max(0, cut + 8 - time.monotonic()))
        line.cut(0)
        ended = time.monotonic()
        back, when = until(is_up, "it is back")
        print(f"up again {when - ended:.2f} s after the cut's end; aim: 1.5", file=sys.stderr)
        self.assertLess(when - ended, 5 * PATIENCE)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")
        self.assertEqual(back["link_reason"], "")

    def test_a_short_cut_changes_nothing(self):
        line.cut(2)
        time.sleep(2)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")
        self.assertEqual(connections(), self.before)

    def test_dead_connections_on_a_line_that_works(self):
        """A NAT that forgot: what is new works, so that one is replaced as soon as it is doubted."""
        line.kill_flows()
        killed = time.monotonic()
        _, when = until(lambda s: is_up(s) and s["link_connections"] == self.before + 1, "another connection")
        print(f"replaced after {when - killed:.1f} s of silence", file=sys.stderr)
        self.assertLess(when - killed, 13 * PATIENCE)

    def test_another_address(self):
        line.move()
        moved = time.monotonic()
        _, when = until(lambda s: is_up(s) and s["link_connections"] > self.before, "another connection")
        print(f"up {when - moved:.2f} s after the address changed; aim: 8 round trips of 50 ms + 0.3 s = 0.7", file=sys.stderr)
        self.assertLess(when - moved, 4 * PATIENCE)

    def test_an_address_more_changes_nothing(self):
        for number in range(20, 25):
            line.laptop.run("ip", "address", "add", f"198.51.100.{number}/32", "dev", DEVICE)
        for number in range(20, 25):
            line.laptop.run("ip", "address", "del", f"198.51.100.{number}/32", "dev", DEVICE)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")
        self.assertEqual((status()["link_state"], connections()), ("up", self.before))

    def test_a_device_that_was_down(self):
        """Nothing is cut silently: dials fail at once, and the address that comes back is the news."""
        line.laptop.run("ip", "link", "set", DEVICE, "down")
        until(lambda s: not is_up(s), "it is doubted")
        time.sleep(3)
        line.laptop.run("ip", "link", "set", DEVICE, "up")
        line.restore_route()
        came = time.monotonic()
        _, when = until(is_up, "it is back")
        print(f"up {when - came:.2f} s after the device came up; aim: 0.7", file=sys.stderr)
        self.assertLess(when - came, 4 * PATIENCE)

    def test_reset_connections(self):
        line.reset_flows()
        reset = time.monotonic()
        _, when = until(lambda s: is_up(s) and s["link_connections"] > self.before, "another connection")
        print(f"up {when - reset:.2f} s after a reset", file=sys.stderr)
        self.assertLess(when - reset, 4 * PATIENCE)

    def test_a_slow_line_with_loss_stays_up(self):
        line.tell("rtt", "2s")
        line.tell("loss", "5%")
        worst = 0
        end = time.monotonic() + (60 if LONG else 30)
        while time.monotonic() < end:
            s = status()
            self.assertIn(s["link_state"], ("up", "suspect"), s)
            self.assertEqual(s["link_connections"], self.before, s)
            worst += s["link_state"] == "suspect"
            time.sleep(0.5)
        print(f"a line of 2 s and 5 % loss was doubted in {worst} of the looks", file=sys.stderr)

    def test_a_slow_line_with_loss_can_be_dialled(self):
        line.tell("rtt", "2s")
        line.tell("loss", "5%")
        line.reset_flows()
        reset = time.monotonic()
        _, when = until(lambda s: is_up(s) and s["link_connections"] > self.before, "another connection", timeout=120)
        print(f"a connection over a line of 2 s and 5 % loss took {when - reset:.1f} s", file=sys.stderr)
        self.assertLess(connections(), self.before + 3)

    def test_zz_a_job_that_is_over(self):
        """Its container goes while nothing of it is reached; the cluster knows."""
        line.kill_flows()
        rdev("exec", NAME, "--", "true", timeout=60)


if __name__ == "__main__":
    unittest.main()
