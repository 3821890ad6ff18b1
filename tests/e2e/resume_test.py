"""Streams outlive connections: what stock clients have through the link goes on after silent cuts, resets, another
address and the death of the link process, and loses no byte."""
import hashlib
import os
import random
import signal
import string
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from lab import far, web, websocket
from lab.client import rdev, rdev_json, start
from lab.link import forward, link_pid, link_processes
from lab.proc import SECONDS, Process, eventually, program
from lab.terminal import Terminal

NAME = "outlive"
MEGABYTES = 300


def setUpModule():
    global line
    line = far.up_for_module(NAME, rtt_ms=20, rate="200mbit")


def kill_link():
    os.kill(link_pid(NAME), signal.SIGKILL)


def in_job():
    return rdev("exec", NAME, "--", "ps", timeout=60).text


def random_text(length):
    return "".join(random.choices(string.ascii_letters, k=length))


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Resume(unittest.TestCase):
    def setUp(self):
        line.cut(0)
        line.tell("rate", "200mbit")
        rdev("exec", NAME, "--", "true", timeout=60)

    def test_transfers_go_on_through_everything(self):
        rdev("ssh-config", "--install")
        rdev("exec", NAME, "--", "sh", "-c", f"mkdir /tmp/www && head -c {MEGABYTES}m /dev/urandom > /tmp/www/file && "
             "httpd -p 8000 -h /tmp/www", timeout=60)
        (pages,) = forward(NAME, "-L", "0:127.0.0.1:8000")
        server = websocket.EchoServer(line.job.socket())
        served = self.enterContext(web.serving(server))
        (chat,) = forward(NAME, "-L", f"0:{line.job.address}:{served}")
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        place = Path(tempfile.mkdtemp())
        up, down = place / "up", place / "down"
        with open(up, "wb") as file:
            for _ in range(MEGABYTES):
                file.write(os.urandom(1 << 20))
        faults = {
            "a cut of 8 s": lambda: line.cut(8),
            "a second one": lambda: line.cut(8),
            "another address, the old connection dead": lambda: (line.kill_flows(), line.move()),
            "a reset": line.reset_flows,
            "the link process killed": kill_link,
            "a third cut": lambda: line.cut(8),
        }
        line.tell("rate", "50mbit")
        with Process("scp", "-q", "-o", "BatchMode=yes", up, f"rdev-{NAME}:/tmp/up") as scp, \
                Process("curl", "-sS", "--fail", "-o", down, f"http://127.0.0.1:{pages['bound_port']}/file") as curl, \
                websocket.Chatter(chat["bound_port"]) as chatter:
            for what, happens in faults.items():
                eventually(lambda n=chatter.count: chatter.count > n or chatter.fault, "messages flow", timeout=60)
                time.sleep(1.5)  # so that each fault meets streams in full flow; nothing waits for this
                happens()
                print(f"{what}: {down.stat().st_size >> 20} MB are down, {chatter.count} messages", file=sys.stderr)
                self.assertIsNone(scp.popen.poll(), scp.output)
                self.assertIsNone(curl.popen.poll(), curl.output)
            line.tell("rate", "1gbit")
            self.assertEqual(scp.wait(timeout=120), 0, scp.output)
            self.assertEqual(curl.wait(timeout=120), 0, curl.output)
            eventually(lambda n=chatter.count: chatter.count > n + 5 or chatter.fault, "messages flow", timeout=60)
        self.assertIsNone(chatter.fault)
        self.assertEqual(len(server.closed), 1)
        print(f"{chatter.count} messages, {chatter.pongs} and {server.closed[0]} keep-alives, the longest answer took "
              f"{chatter.longest:.1f} s", file=sys.stderr)
        self.assertEqual((scp.output, curl.output), ("", ""))
        there = rdev("exec", NAME, "--", "sha256sum", "/tmp/up", "/tmp/www/file", timeout=60).text.split()
        self.assertEqual((sha256(up), sha256(down)), (there[0], there[2]))

    def test_a_terminal_typed_into_through_a_long_cut(self):
        seconds = SECONDS
        with Terminal(program("rdev"), "ssh", NAME, "--", "sh", "-c",
                      "stty -echo -icanon; echo ready; head -c 1000 | md5sum; exit 3") as t:
            t.expect("ready")
            keys = random_text(1000)
            line.cut(seconds)
            for i in range(0, 1000, 10):
                t.type(keys[i:i + 10])
                time.sleep(seconds / 100)  # a person types
            t.expect(hashlib.md5(keys.encode()).hexdigest(), timeout=60)
            self.assertEqual(t.wait(), 3)

    def test_the_link_process_dies(self):
        """Of everything that has streams none notices, and another link process is there within a second."""
        with web.digests() as port, \
                start("exec", NAME, "--", "sh", "-c", "echo ready; read -r line; echo \"got $line\"; exit 7",
                      stdin=subprocess.PIPE) as process:
            (tunnel,) = forward(NAME, "-R", f"0:127.0.0.1:{port}")
            self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
            process.wait_for("ready")
            for word in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
                old = link_pid(NAME)
                began = time.monotonic()
                os.kill(old, word)
                eventually(lambda: link_processes(NAME) - {old}, "another link process")
                print(f"another link process after {time.monotonic() - began:.2f} s", file=sys.stderr)
                self.assertNotEqual(link_pid(NAME), old)
                self.assertIsNone(process.popen.poll(), process.output)
                done = rdev("exec", NAME, "--", "sh", "-c", f"echo x | nc 127.0.0.1 {tunnel['bound_port']}", timeout=60)
                self.assertEqual(done.text, hashlib.sha256(b"x\n").hexdigest())
            process.popen.stdin.write(b"this\n")
            process.popen.stdin.close()
            self.assertEqual(process.wait(), 7)
            self.assertIn("got this", process.output)

    def test_a_process_that_dies_during_a_cut_leaves_nothing(self):
        with start("exec", NAME, "--", "sh", "-c", "read -r until_its_end", stdin=subprocess.PIPE) as process:
            eventually(lambda: "until_its_end" in in_job(), "it runs")
            line.kill_flows()
            line.cut(600)
            eventually(lambda: rdev_json("status", NAME, timeout=60)["link_state"] != "up", "the cut is noticed", timeout=30)
            process.popen.kill()
            process.wait()
            line.cut(0)
            eventually(lambda: "until_its_end" not in in_job(), "it has ended in the job, too", timeout=30)


if __name__ == "__main__":
    unittest.main()
