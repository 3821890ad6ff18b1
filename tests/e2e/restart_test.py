"""An agent that is started anew, in the same job: it lets the laptop in and does not know its streams. These end with
that reason, and all else comes back without a command. A job that is over ends them, too."""
import hashlib
import http.client
import os
import signal
import subprocess
import sys
import time
import unittest

from lab import docker, images, web
from lab.client import rdev, rdev_json, start, up
from lab.link import forward, holders, link_pid, link_processes
from lab.proc import PATIENCE, eventually, run

NAME = "anew"


def setUpModule():
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")


def reached(port, ask):
    """What the tunnel there answers, if it does."""
    try:
        return ask(port)
    except (OSError, http.client.HTTPException):
        return None


class Foreign(web.ThreadedServer):
    """Who has got the port that was the job's."""
    said = b"HTTP/1.0 400 Bad Request\r\n\r\n"

    def finish_request(self, request, client_address):
        request.sendall(self.said)


class Restart(unittest.TestCase):
    def setUp(self):
        up(self, NAME, "--cluster", "docker", "--image", "lab/busybox:1", "--", "httpd", "-f", "-p", "8000", "-h", "/etc")
        self.container = docker.container_of(NAME)
        self.digests = self.enterContext(web.digests())
        (self.pages,) = forward(NAME, "-L", "0:127.0.0.1:8000")
        (self.back,) = forward(NAME, "-R", f"0:127.0.0.1:{self.digests}")
        self.assert_tunnels_work()
        self.link, self.holder = link_pid(NAME), holders(NAME)

    def session(self):
        session = start("exec", NAME, "--", "sh", "-c", "echo ready; read -r until_its_end", stdin=subprocess.PIPE)
        self.addCleanup(session.kill)
        session.wait_for("ready")
        return session

    def assert_ends(self, session, since, why):
        self.assertEqual(session.wait(timeout=20), 255, session.output)
        took = time.monotonic() - since
        print(f"ended after {took:.1f} s: {session.output!r}", file=sys.stderr)
        self.assertLess(took, 10 * PATIENCE)
        self.assertRegex(session.output, why)

    def assert_tunnels_work(self):
        eventually(lambda: reached(self.pages["bound_port"], lambda port: b"root:" in web.get(port, "passwd")), "-L works")
        words = f"echo x | nc 127.0.0.1 {self.back['bound_port']}"
        eventually(lambda: rdev("exec", NAME, "--", "sh", "-c", words, code=None).text == hashlib.sha256(b"x\n").hexdigest(),
                   "-R works", timeout=15)

    def assert_all_is_back(self):
        self.assertEqual(rdev("exec", NAME, "--", "echo", "back").text, "back\n")
        self.assert_tunnels_work()
        self.assertEqual(link_processes(NAME), {self.link}, rdev("logs", NAME, "--link").text)
        self.assertEqual(holders(NAME), self.holder)

    def port(self):
        return int(docker.docker("port", self.container, "2222/tcp").text.rsplit(":", 1)[1])

    def test_an_agent_that_dies_and_is_started_by_the_engine(self):
        docker.docker("update", "--restart=always", self.container)
        session, began = self.session(), time.monotonic()
        os.kill(docker.inspect(self.container)["State"]["Pid"], signal.SIGKILL)
        self.assert_ends(session, began, "the agent does not know this session any more: it was started anew")
        self.assert_all_is_back()

    def test_a_container_that_is_killed_and_started(self):
        session, began = self.session(), time.monotonic()
        run("sh", "-c", f"docker kill {self.container} && docker start {self.container}")
        self.assert_ends(session, began, "the agent does not know this session any more: it was started anew")
        self.assert_all_is_back()

    def test_a_container_that_is_restarted(self):
        """Its processes end first, which their sessions are told."""
        session, began = self.session(), time.monotonic()
        before = self.port()
        docker.docker("restart", self.container)
        self.assertNotEqual(self.port(), before)
        self.assertIn(session.wait(timeout=20), (255, 128 + signal.SIGTERM, 128 + signal.SIGHUP), session.output)
        self.assertLess(time.monotonic() - began, 10 * PATIENCE)
        self.assert_all_is_back()

    def test_a_port_that_is_somebody_elses_now(self):
        before = self.port()
        docker.docker("restart", self.container)
        self.assertNotEqual(self.port(), before)
        with web.serving(Foreign(("127.0.0.1", before), None)):
            eventually(lambda: rdev_json("status", NAME)["link_state"] == "up", "the link is back")
            os.kill(self.link, signal.SIGKILL)
            began = time.monotonic()
            self.assertEqual(rdev("exec", NAME, "--", "echo", "found").text, "found\n")
            self.assertLess(time.monotonic() - began, 10 * PATIENCE)

    def test_a_job_that_ends_while_its_agent_is_silent(self):
        session = self.session()
        os.kill(docker.inspect(self.container)["State"]["Pid"], signal.SIGSTOP)
        eventually(lambda: rdev_json("status", NAME)["link_state"] == "suspect", "it dials again", timeout=20)
        began = time.monotonic()
        docker.docker("kill", self.container)
        self.assert_ends(session, began, f"the job {NAME} has ended")
        eventually(lambda: not link_processes(NAME), "the link ends with the job")


if __name__ == "__main__":
    unittest.main()
