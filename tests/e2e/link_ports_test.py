"""`rdev forward` when a port is taken, when a tunnel has a name, and when others could connect."""
import contextlib
import os
import signal
import socket
import unittest
from pathlib import Path

from lab import docker, images, link, web
from lab.client import rdev, rdev_json, start, up, up_for_module
from lab.link import connects, holders, link_pid
from lab.proc import eventually

NAME = "ports"
SHARED = "shares that machine's network"


def setUpModule():
    global pages, digests
    pages, digests = web.of_module()
    up_for_module(NAME)


def forward(*argv, name=NAME, **how):
    return link.forward(name, *argv, **how)


@contextlib.contextmanager
def taken(address="127.0.0.1", port=0):
    """A port that another program listens on."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.bind((address, port))
        s.listen()
        yield s.getsockname()[1]


class Ports(unittest.TestCase):
    def tearDown(self):
        rdev("forward", NAME, "--remove", "all", code=None)
        self.assertEqual(link.tunnels(NAME), [])


class Taken(Ports):
    def test_the_next_free_one_is_taken_and_said(self):
        with taken() as port, taken(port=port + 1):
            done = rdev("forward", NAME, "-L", f"{port}:127.0.0.1:{pages}")
            self.assertEqual(done.text, f"localhost:{port + 2} -> 127.0.0.1:{pages} in {NAME}\n")
            self.assertEqual(done.errors, f"rdev: port {port} is taken here: listening on {port + 2}\n")
            self.assertEqual(web.get(port + 2, "3"), b"xxx")
            self.assertIn(f"{port} was taken", rdev("forward", NAME, "--list").text)
            # Asked for again, it is the same one.
            (row,) = forward("-L", f"{port}:127.0.0.1:{pages}")
        self.assertEqual((row["bound_port"], row["asked_port"]), (port + 2, port))
        self.assertEqual(row["note"], f"port {port} is taken here: listening on {port + 2}")
        self.assertEqual(row["problem"], "")
        self.assertEqual(len(link.tunnels(NAME)), 1)

    def test_of_every_kind_that_listens_here(self):
        with taken("0.0.0.0") as port:
            for spec in (("-D", str(port)), ("-L", f"*:{port}:127.0.0.1:{pages}")):
                (row,) = forward(*spec)
                self.assertGreater(row["bound_port"], port, spec)

    def test_localhost_has_two_addresses(self):
        with taken("::1") as port:
            (row,) = forward("-L", f"{port}:127.0.0.1:{pages}")
            self.assertEqual(row["bound_port"], port + 1)
            for host in ("127.0.0.1", "::1"):
                self.assertTrue(connects(port + 1, host), host)
            # An address is one address.
            (row,) = forward("-L", f"127.0.0.1:{port}:127.0.0.1:{pages}")
            self.assertEqual((row["bound_port"], row["note"]), (port, ""))

    def test_another_job_gets_the_next_one(self):
        up(self, "other")
        (first,) = forward("-L", f"0:127.0.0.1:{pages}")
        port = first["bound_port"]
        (second,) = forward("-L", f"{port}:127.0.0.1:{digests}", name="other")
        self.assertEqual(second["bound_port"], port + 1)

    def test_exact_is_an_error_instead(self):
        with taken() as port:
            done = rdev("forward", NAME, "--exact", "-L", f"{port}:127.0.0.1:{pages}", code=1)
            self.assertEqual(done.out, b"")
            self.assertRegex(done.errors, rf"^rdev: .*127\.0\.0\.1:{port}.* in use")
            done = rdev("forward", "--foreground", NAME, "--exact", "-D", str(port), code=1)
            self.assertIn("in use", done.errors)
            self.assertEqual(link.tunnels(NAME), [])
            forward("-L", f"{port}:127.0.0.1:{pages}")
            done = rdev("forward", NAME, "--exact", "-L", f"{port}:127.0.0.1:{pages}", code=1)
            self.assertIn(f"listening on {port + 1}", done.errors)
        rdev("forward", NAME, "--exact", "--list", code=2)
        rdev("forward", NAME, "--exact", "-R", f"0:127.0.0.1:{pages}", code=2)

    def test_in_the_foreground(self):
        with taken() as port:
            with start("forward", "--foreground", NAME, "-L", f"{port}:127.0.0.1:{pages}") as process:
                process.wait_for(rf"^localhost:{port + 1} -> ")
                self.assertIn(f"rdev: port {port} is taken here: listening on {port + 1}", process.output)
                self.assertEqual(web.get(port + 1, "3"), b"xxx")
                process.signal(signal.SIGINT)
                self.assertEqual(process.wait(), 130)

    def test_another_mistake_is_no_taken_port(self):
        done = rdev("forward", NAME, "-L", f"10.98.7.6:0:127.0.0.1:{pages}", code=1)
        self.assertIn("no such address", done.errors)

    def test_removed_by_either_port(self):
        with taken() as port:
            for by in (port, port + 1, f"{port}:127.0.0.1:{pages}", f"{port + 1}:127.0.0.1:{pages}"):
                forward("-L", f"{port}:127.0.0.1:{pages}")
                rdev("forward", NAME, "--remove", str(by))
                self.assertFalse(connects(port + 1), by)
            # Who listens there comes before who wanted to.
            forward("-L", f"{port}:127.0.0.1:{pages}", "-L", f"{port + 1}:127.0.0.1:{digests}")
            rdev("forward", NAME, "--remove", str(port + 1))
            (row,) = link.tunnels(NAME)
            self.assertEqual((row["asked_port"], row["bound_port"]), (port + 1, port + 2))


class Kept(unittest.TestCase):
    """What happens when the tunnels of a job are opened again."""

    def end_holder(self):
        (holder,) = holders("kept")
        os.kill(holder, signal.SIGKILL)
        os.kill(link_pid("kept"), signal.SIGKILL)
        eventually(lambda: not holders("kept"), "it has ended")

    def test_the_wanted_port_when_it_is_free_again(self):
        up(self, "kept")
        with taken() as port:
            forward("-L", f"{port}:127.0.0.1:{pages}", name="kept")
            self.end_holder()
            rdev("up", "kept")
            self.assertEqual(web.get(port + 1, "3"), b"xxx")
            self.end_holder()
        rdev("up", "kept")
        self.assertEqual(web.get(port, "3"), b"xxx")
        self.assertFalse(connects(port + 1))

    def test_the_next_one_when_it_was_taken_meanwhile(self):
        up(self, "kept")
        port = web.free_port()
        forward("-L", f"{port}:127.0.0.1:{pages}", "-L", f"{port + 1}:127.0.0.1:{digests}", name="kept")
        self.end_holder()
        with taken(port=port):
            rdev("up", "kept")
            rows = link.tunnels("kept")
        # The other tunnel keeps its own.
        self.assertEqual([row["bound_port"] for row in rows], [port + 2, port + 1])
        self.assertEqual([row["asked_port"] for row in rows], [port, port + 1])

    def test_an_exact_one_waits(self):
        up(self, "kept")
        port = web.free_port()
        forward("--exact", "-L", f"{port}:127.0.0.1:{pages}", name="kept")
        self.end_holder()
        with taken(port=port):
            rdev("up", "kept")
            (row,) = link.tunnels("kept")
            self.assertEqual((row["bound_port"], row["asked_port"]), (0, port))
            self.assertIn("in use", row["problem"])
        eventually(lambda: link.tunnels("kept")[0]["bound_port"] == port, "it is opened when the port is free", timeout=15)


class Names(Ports):
    def test_a_name_to_remove_it_by(self):
        (row,) = forward("--name", "web", "-L", f"0:127.0.0.1:{pages}")
        self.assertEqual(row["name"], "web")
        forward("-L", f"0:127.0.0.1:{digests}")
        self.assertRegex(rdev("forward", NAME, "--list").text, r"(?m)^NAME .*\nweb  +local ")
        done = rdev("forward", NAME, "--name", "web", "-L", f"0:127.0.0.1:{digests}", code=1)
        self.assertIn("--remove web", done.errors)
        rdev("forward", NAME, "--remove", "web")
        self.assertEqual([row["name"] for row in link.tunnels(NAME)], [""])

    def test_no_name(self):
        for bad in ("", "all", "80", "/x", "Web", "a b"):
            done = rdev("forward", NAME, "--name", bad, "-L", f"0:127.0.0.1:{pages}", code=2)
            self.assertIn(f"'{bad}'", done.errors)
        rdev("forward", NAME, "--name", "web", "-D", "0", "-D", "0", code=2)
        rdev("forward", NAME, "--name", "web", "--list", code=2)


class WhoElse(Ports):
    def test_a_port_in_a_local_job_is_one_of_this_machine(self):
        done = rdev("forward", NAME, "-R", f"0:127.0.0.1:{pages}", "-L", f"0:127.0.0.1:{pages}")
        self.assertEqual(done.errors.count(SHARED), 1, done.errors)
        port = next(row["bound_port"] for row in link.tunnels(NAME) if row["kind"] == "remote")
        self.assertIn(f"its port {port}", done.errors)
        self.assertTrue(connects(port))

    def test_a_socket_is_the_users_own(self):
        path = Path(os.environ["TMPDIR"]) / "own.sock"
        done = rdev("forward", NAME, "-R", f"{path}:127.0.0.1:{pages}")
        self.assertEqual(done.errors, "")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_every_address_is_said_once(self):
        done = rdev("forward", NAME, "-R", f"*:0:127.0.0.1:{pages}")
        self.assertEqual(done.errors.count("rdev: "), 1, done.errors)
        self.assertIn("whoever can reach the machine of", done.errors)

    def test_a_container_has_its_own_network(self):
        engine = docker.Dockerd()
        self.addCleanup(engine.stop)
        images.load("busybox")
        up(self, "boxed", "--cluster", "docker", "--image", "lab/busybox:1")
        done = rdev("forward", "boxed", "-R", f"0:127.0.0.1:{pages}")
        self.assertEqual(done.errors, "")
        self.assertEqual(len(rdev_json("forward", "boxed", "--list")["tunnels"]), 1)


if __name__ == "__main__":
    unittest.main()
