"""`rdev forward -D`: programs that speak SOCKS reach what the job reaches, by the names it knows."""
import hashlib
import os
import socket
import unittest

from lab import docker, images, web
from lab.client import rdev, start, up, up_for_module
from lab.link import forward, tunnels
from lab.proc import eventually, needs_tool, run

NAME = "socks"


def setUpModule():
    global pages, digests
    pages, digests = web.of_module()
    up_for_module(NAME)


def curl(kind, proxy, url, code=0):
    return run("curl", "-sSg", "--noproxy", "", "--max-time", "20", f"--{kind}", f"127.0.0.1:{proxy}", url, code=code)


class Socks(unittest.TestCase):
    def setUp(self):
        needs_tool("curl")
        (tunnel,) = forward(NAME, "-D", "0")
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        self.port = tunnel["bound_port"]

    def test_each_version(self):
        for kind in ("socks4", "socks4a", "socks5", "socks5-hostname"):
            with self.subTest(kind):
                self.assertEqual(len(curl(kind, self.port, f"http://localhost:{pages}/100000").out), 100_000)
        self.assertEqual(len(curl("socks5-hostname", self.port, f"http://127.0.0.1:{pages}/3").out), 3)

    def test_ipv6(self):
        class Pages6(web.PageServer):
            address_family = socket.AF_INET6

        with web.serving(Pages6(("::1", 0), web.Pages)) as port:
            self.assertEqual(curl("socks5", self.port, f"http://[::1]:{port}/3").text, "xxx")
            self.assertEqual(curl("socks5-hostname", self.port, f"http://[::1]:{port}/3").text, "xxx")

    def test_what_cannot_be_reached_is_told(self):
        free = web.free_port()
        self.assertIn("(5)", curl("socks5", self.port, f"http://127.0.0.1:{free}/", code=97).errors)
        self.assertRegex(curl("socks5-hostname", self.port, "http://no.such.name.invalid/", code=97).errors,
                         r"\([145]\)")
        (row,) = tunnels(NAME)
        self.assertEqual(row["refused"], 2)

    def test_other_protocols_and_clients_that_go(self):
        done = run("curl", "-sS", "--noproxy", "", "--max-time", "20", f"http://127.0.0.1:{self.port}/", code=None)
        self.assertIn(done.code, (52, 56))  # an empty reply, or a reset
        self.assertIn("does not speak SOCKS", rdev("forward", NAME, "--list").text)
        for words in (b"", b"\x05", b"\x05\x01\x00\x05\x01\x00\x03\xff", b"\x05\x01\x02"):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
                s.sendall(words)
        self.assertEqual(curl("socks5", self.port, f"http://127.0.0.1:{pages}/3").text, "xxx")
        eventually(lambda: tunnels(NAME)[0]["connections"] == 0, "none is open")

    def test_a_client_that_does_not_wait(self):
        """It sends its first bytes with the request; and its half-close goes through."""
        data = os.urandom(300_000)
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
            s.sendall(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + digests.to_bytes(2, "big") + data)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while block := s.recv(4096):
                answer += block
        self.assertEqual(answer[:12], b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0")
        self.assertEqual(answer[12:].decode(), hashlib.sha256(data).hexdigest())

    def test_list_and_remove(self):
        (row,) = tunnels(NAME)
        self.assertEqual((row["kind"], row["target"], row["listen"]), ("dynamic", "SOCKS", f"localhost:{self.port}"))
        again = forward(NAME, "-D", str(self.port))
        self.assertEqual([t["bound_port"] for t in again], [self.port])
        done = rdev("forward", NAME, "--exact", "-L", f"{self.port}:127.0.0.1:{pages}", code=1)
        self.assertIn("is taken", done.errors)
        rdev("forward", NAME, "--remove", str(self.port))
        self.assertEqual(tunnels(NAME), [])
        self.assertIn("-D 'x'", rdev("forward", NAME, "-D", "x", code=2).errors)


class OnDocker(unittest.TestCase):
    def test_names_are_the_jobs(self):
        engine = docker.Dockerd()
        self.addCleanup(engine.stop)
        images.load("busybox")
        up(self, "boxed", "--cluster", "docker", "--image", "lab/busybox:1")
        rdev("exec", "boxed", "--", "sh", "-c", "echo 127.0.0.1 only.here >> /etc/hosts")
        (tunnel,) = forward("boxed", "-D", "0")
        with start("exec", "boxed", "--", "/lab/app", "http", "7000") as server:
            server.wait_for("serving")
            for kind in ("socks5-hostname", "socks4a"):
                self.assertEqual(curl(kind, tunnel["bound_port"], "http://only.here:7000/1").text, "hello from the job\n")


if __name__ == "__main__":
    unittest.main()
