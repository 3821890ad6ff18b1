"""When the link is doubted, when it dials again, and how soon it is back: on a line of its own.

`rdev status` may wait for the cluster, which is behind the same line: what happened when is read in the
link process's log."""
import re
import sys
import time
import unittest
from datetime import datetime

from lab import far
from lab.client import RDEV_HOME, rdev, rdev_json, start
from lab.link import link_pid, link_processes
from lab.netem import DEVICE
from lab.proc import LONG, PATIENCE, eventually

NAME = "redial"
DOUBT = "the connection may be dead"
UP = "the link is up"
GOOD = f"{UP}|the connection lives"


def setUpModule():
    global line
    line = far.up_for_module(NAME, rtt_ms=50)


def status():
    return rdev_json("status", NAME, timeout=60)


def log():
    return "".join(path.read_text() for path in RDEV_HOME.rglob("*link*.log"))


def happened(what, since, timeout=30):
    """How long after `since` (a time.time()) the log first tells of it, and with which words."""
    def look():
        for day, words in re.findall(r"(?m)^(\S+Z) \w+ (.*)$", log()):
            after = datetime.fromisoformat(day.replace("Z", "+00:00")).timestamp() - since
            if re.match(what, words) and after > -0.002:
                return after, words
        return None
    return eventually(look, f"the log says: {what}", timeout=timeout)


def report(text):
    print(text, file=sys.stderr)


class Redial(unittest.TestCase):
    def setUp(self):
        self.pid = link_pid(NAME)
        self.before = status()["link_connections"]

    def tearDown(self):
        line.tell("rtt", "50ms")
        line.tell("loss", "0%")
        self.assertEqual(link_processes(NAME), {self.pid}, log())
        eventually(lambda: status()["link_state"] == "up", "it is up in the end", timeout=60)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")

    def test_a_silent_cut(self):
        """Data waits: doubted after 5 s; back soon after the cut."""
        cut = time.time()
        line.cut(9)
        with start("exec", NAME, "--", "true"):  # what it sends waits for an answer
            after, words = happened(DOUBT, cut)
            report(f"a cut line was doubted after {after:.1f} s: {words}")
            self.assertLess(after, 7.5 * PATIENCE)
            self.assertRegex(rdev("status", NAME, timeout=60).text,
                             r"link +suspect for \d+s.*\(nothing heard for \d+\.\d s; trying another connection\)")
            # Another connection, or the old one: TCP repeats what was lost, perhaps just then.
            after, words = happened(GOOD, cut + 9)
            report(f"good again {after:.2f} s after the cut's end; aim: 1.5; {words}")
            self.assertLess(after, 5 * PATIENCE)

    def test_a_short_cut_changes_nothing(self):
        line.cut(2)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")
        self.assertEqual(status()["link_connections"], self.before)

    def test_dead_connections_on_a_line_that_works(self):
        """A NAT that forgot: what is new works, so that replaces the old as soon as it is doubted."""
        killed = time.time()
        line.kill_flows()
        after, words = happened(UP, killed)
        report(f"replaced after {after:.1f} s: {words}")
        self.assertLess(after, 13 * PATIENCE)

    def test_another_address(self):
        moved = time.time()
        line.move(77 if line.laptop.address.endswith(".1") else 1)
        after, _ = happened(UP, moved)
        report(f"up {after:.2f} s after the address changed; aim: 8 round trips of 50 ms and 0.3 s = 0.7")
        self.assertLess(after, 4 * PATIENCE)

    def test_an_address_more_changes_nothing(self):
        for word in ("add", "del"):
            for number in range(20, 25):
                line.laptop.run("ip", "address", word, f"198.51.100.{number}/32", "dev", DEVICE)
        self.assertEqual(rdev("exec", NAME, "--", "echo", "again").text, "again\n")
        self.assertEqual(status()["link_connections"], self.before)

    def test_a_device_that_was_down(self):
        """Dials fail at once; that the device is back is the news."""
        down = time.time()
        line.unplug()
        after, words = happened(DOUBT, down)
        report(f"doubted {after:.2f} s after the device went down: {words}")
        self.assertLess(after, 2 * PATIENCE)
        self.assertEqual(status()["link_state"], "suspect")
        plugged = time.time()
        line.plug()
        after, _ = happened(GOOD, plugged)
        report(f"good {after:.2f} s after it came up; aim: 0.7")
        self.assertLess(after, 4 * PATIENCE)

    def test_reset_connections(self):
        reset = time.time()
        line.reset_flows()
        after, _ = happened(UP, reset)
        report(f"up {after:.2f} s after a reset")
        self.assertLess(after, 4 * PATIENCE)

    def test_a_slow_line_with_loss_stays_up(self):
        line.tell("rtt", "2s")
        line.tell("loss", "5%")
        looks, doubted = 0, 0
        end = time.monotonic() + (60 if LONG else 30)
        while time.monotonic() < end:
            s = status()
            self.assertIn(s["link_state"], ("up", "suspect"), s)
            self.assertEqual(s["link_connections"], self.before, s)
            looks, doubted = looks + 1, doubted + (s["link_state"] == "suspect")
        report(f"a line of 2 s and 5 % loss was doubted in {doubted} of {looks} looks")

    def test_a_slow_line_with_loss_can_be_dialled(self):
        line.tell("rtt", "2s")
        line.tell("loss", "5%")
        reset = time.time()
        line.reset_flows()
        after, _ = happened(UP, reset, timeout=120)
        report(f"dialling over a line of 2 s and 5 % loss took {after:.1f} s")


if __name__ == "__main__":
    unittest.main()
