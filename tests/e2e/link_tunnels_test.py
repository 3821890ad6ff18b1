"""`rdev forward`: ports and sockets of the job here, and ours there."""
import hashlib
import http.server
import json
import os
import re
import shlex
import signal
import socket
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, link, tree, web
from lab.client import rdev, rdev_json, start, up, up_for_module
from lab.link import connects, holders, link_pid, link_processes
from lab.proc import Process, eventually, needs_tool, run

NAME = "tunnels"


def setUpModule():
    global pages, digests
    pages, digests = web.of_module()
    up_for_module(NAME)


def forward(*argv, name=NAME, **how):
    return link.forward(name, *argv, **how)


def tunnels(name=NAME):
    return link.tunnels(name)


def place(name="socket"):
    return Path(tempfile.mkdtemp()) / name


def unix_digest(path, data):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.settimeout(20)
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while block := s.recv(4096):
            answer += block
        return answer.decode()


class UnixDigests(web.ThreadedServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)


class Tunnels(unittest.TestCase):
    def tearDown(self):
        rdev("forward", NAME, "--remove", "all", code=None)
        self.assertEqual(tunnels(), [])

    def checks_digest(self, call):
        for size in (0, 1, 5_000_000):
            data = os.urandom(size)
            self.assertEqual(call(data), hashlib.sha256(data).hexdigest(), size)


class Ports(Tunnels):
    def test_local_port_listens_when_it_returns(self):
        for _ in range(5):
            (tunnel,) = forward("-L", f"0:127.0.0.1:{pages}")
            self.assertTrue(connects(tunnel["bound_port"]))
            self.assertEqual(web.get(tunnel["bound_port"], "100000"), b"x" * 100_000)
            self.assertEqual((tunnel["kind"], tunnel["problem"]), ("local", ""))

    def test_the_line_that_people_read(self):
        port = web.free_port()
        done = rdev("forward", NAME, "-L", f"{port}:localhost:{pages}")
        self.assertEqual(done.text, f"localhost:{port} -> localhost:{pages} in {NAME}\n")
        self.assertEqual(web.get(port, "3"), b"xxx")

    def test_remote_port(self):
        (tunnel,) = forward("-R", f"0:127.0.0.1:{pages}")
        self.assertEqual(tunnel["kind"], "remote")
        # A `local` job has this machine's own loopback.
        self.assertEqual(web.get(tunnel["bound_port"], "100000"), b"x" * 100_000)

    def test_several_at_once(self):
        added = forward("-L", f"0:127.0.0.1:{pages}", "-L", f"0:127.0.0.1:{digests}", "-R", f"0:127.0.0.1:{pages}")
        self.assertEqual([t["kind"] for t in added], ["local", "local", "remote"])
        self.assertEqual(len({t["bound_port"] for t in added}), 3)
        self.assertEqual(len(tunnels()), 3)

    def test_half_close_both_kinds(self):
        for kind in ("-L", "-R"):
            (tunnel,) = forward(kind, f"0:127.0.0.1:{digests}")
            self.checks_digest(lambda data, port=tunnel["bound_port"]: web.digest_through(port, data))

    def test_ipv6(self):
        with web.serving(Pages6(("::1", 0), web.Pages)) as port:
            (tunnel,) = forward("-L", f"[::1]:0:[::1]:{port}")
            self.assertTrue(connects(tunnel["bound_port"], "::1"))
            self.assertEqual(run("curl", "-sg", f"http://[::1]:{tunnel['bound_port']}/3").text, "xxx")

    def test_only_this_machine_unless_asked(self):
        run("ip", "address", "add", "10.99.7.1/32", "dev", "lo", code=None)
        (narrow,) = forward("-L", f"0:127.0.0.1:{pages}")
        self.assertFalse(connects(narrow["bound_port"], "10.99.7.1"))
        (wide,) = forward("-L", f"10.99.7.1:0:127.0.0.1:{pages}")
        self.assertTrue(connects(wide["bound_port"], "10.99.7.1"))

    def test_nobody_listens_at_the_target(self):
        """An end would look like an empty answer."""
        for kind in ("-L", "-R"):
            (tunnel,) = forward(kind, f"0:127.0.0.1:{web.free_port()}")
            with self.assertRaises(ConnectionResetError, msg=kind):
                with socket.create_connection(("127.0.0.1", tunnel["bound_port"]), timeout=10) as s:
                    s.recv(1)
            self.assertTrue(connects(tunnel["bound_port"]))

    def test_a_taken_port_of_the_job(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = rdev("forward", NAME, "-R", f"{port}:127.0.0.1:{pages}", code=1)
            self.assertIn(str(port), done.errors)
            self.assertEqual(done.out, b"")
        self.assertEqual(tunnels(), [])

    def test_wrong_specifications(self):
        for spec in ("", "80", "x:y:z", "1:2:3:4:5", "99999:localhost:80", "80:localhost:0", "80:localhost:99999",
                     ":::", "80:", "-1:localhost:80", "[::1:80:localhost:80"):
            done = rdev("forward", NAME, "-L", spec, code=2)
            self.assertIn("rdev: ", done.errors, spec)
        rdev("forward", NAME, code=2)
        self.assertEqual(tunnels(), [])


class Pages6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


class Sockets(Tunnels):
    def setUp(self):
        self.there = place()
        self.enterContext(web.serving(UnixDigests(str(self.there), web.Digest)))

    def test_path_to_port(self):
        here = place()
        forward("-L", f"{here}:127.0.0.1:{digests}")
        self.assertEqual(here.stat().st_mode & 0o777, 0o600)
        self.checks_digest(lambda data: unix_digest(here, data))

    def test_port_to_path(self):
        (tunnel,) = forward("-L", f"0:{self.there}")
        self.checks_digest(lambda data: web.digest_through(tunnel["bound_port"], data))

    def test_path_to_path(self):
        here = place()
        forward("-L", f"{here}:{self.there}")
        self.checks_digest(lambda data: unix_digest(here, data))

    def test_remote_paths(self):
        for target in (f"127.0.0.1:{digests}", self.there):
            remote = place()
            forward("-R", f"{remote}:{target}")
            self.checks_digest(lambda data, path=remote: unix_digest(path, data))
        (tunnel,) = forward("-R", f"0:{self.there}")
        self.checks_digest(lambda data: web.digest_through(tunnel["bound_port"], data))

    def test_removed_with_its_file(self):
        here = place()
        forward("-L", f"{here}:{self.there}")
        rdev("forward", NAME, "--remove", str(here))
        self.assertFalse(here.exists())


class ListAndRemove(Tunnels):
    def test_by_port_specification_and_all(self):
        port = web.free_port()
        spec = f"{port}:127.0.0.1:{pages}"
        forward("-L", spec)
        (other,) = forward("-L", f"0:127.0.0.1:{digests}")
        text = rdev("forward", NAME, "--list").text
        self.assertIn(str(port), text)
        self.assertIn(str(other["bound_port"]), text)
        rdev("forward", NAME, "--remove", spec)
        self.assertFalse(connects(port))
        rdev("forward", NAME, "--remove", str(other["bound_port"]))
        self.assertFalse(connects(other["bound_port"]))
        self.assertEqual(tunnels(), [])
        for _ in range(2):
            forward("-L", f"0:127.0.0.1:{pages}")
        rdev("forward", NAME, "--remove", "all")
        self.assertEqual(tunnels(), [])

    def test_the_next_one_at_once_after_the_last_was_removed(self):
        """The process that holds them is about to end just then."""
        for i in range(30):
            (tunnel,) = forward("-L", f"0:127.0.0.1:{pages}")
            self.assertEqual(web.get(tunnel["bound_port"], i), b"x" * i)
            rdev("forward", NAME, "--remove", "all")

    def test_remove_what_is_not_there(self):
        done = rdev("forward", NAME, "--remove", "1", code=1)
        self.assertIn("1", done.errors)

    def test_counts(self):
        (tunnel,) = forward("-L", f"0:127.0.0.1:{pages}")
        web.get(tunnel["bound_port"], "1000000")
        (row,) = tunnels()
        self.assertGreater(row["bytes_in"], 1_000_000)
        self.assertGreater(row["bytes_out"], 10)
        with socket.create_connection(("127.0.0.1", tunnel["bound_port"])):
            eventually(lambda: tunnels()[0]["connections"] == 1, "it is counted")
        eventually(lambda: tunnels()[0]["connections"] == 0, "it is counted no more")
        self.assertEqual(rdev_json("status", NAME)["tunnels"], 1)

    def test_list_without_any_starts_nothing(self):
        up(self, "untouched")
        self.assertEqual(tunnels("untouched"), [])
        self.assertEqual(holders("untouched"), set())


class Foreground(unittest.TestCase):
    def test_until_control_c(self):
        with start("forward", "--foreground", NAME, "-L", f"0:127.0.0.1:{pages}") as process:
            port = int(process.wait_for(r"^localhost:(\d+) -> ")[1])
            self.assertEqual(web.get(port, "3"), b"xxx")
            process.signal(signal.SIGINT)
            self.assertIn(process.wait(), (0, 130))
        self.assertFalse(connects(port))


class Programs(Tunnels):
    """Programs that need a correct half-close."""

    def ssh_command(self):
        """The line that `rdev connect` prints, as words."""
        done = rdev("connect", "--detach", NAME)
        line = next(line.strip() for line in done.text.splitlines() if line.strip().startswith("ssh "))
        return shlex.split(line)

    def test_ssh(self):
        argv = self.ssh_command()
        data = os.urandom(3_000_000)
        self.assertEqual(run(*argv, "cat; exit 5", input=data, code=5).out, data)
        self.assertEqual(run(*argv, "sha256sum | cut -c1-5; echo end", input=b"").text, "e3b0c\nend\n")

    def test_rsync(self):
        needs_tool("rsync")
        *command, destination = self.ssh_command()
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        run("rsync", "-a", "-e", shlex.join(command), f"{source}/", f"{destination}:{work}/there/")
        run("rsync", "-a", "-e", shlex.join(command), f"{destination}:{work}/there/", f"{work}/back/")
        self.assertEqual(tree.facts(work / "back"), tree.facts(source))

    def test_git(self):
        *command, destination = self.ssh_command()
        work = Path(tempfile.mkdtemp())
        self.repository(work / "bare.git")
        env = {"GIT_SSH_COMMAND": shlex.join(command)}
        self.clone_and_push(f"{destination}:{work}/bare.git", work / "by-ssh", env)
        daemon_port = web.free_port()
        with Process("git", "daemon", "--verbose", "--export-all", "--enable=receive-pack", f"--base-path={work}",
                     "--listen=127.0.0.1", f"--port={daemon_port}", cwd=work) as daemon:
            daemon.wait_for("Ready to rumble")
            (tunnel,) = forward("-L", f"0:127.0.0.1:{daemon_port}")
            self.clone_and_push(f"git://127.0.0.1:{tunnel['bound_port']}/bare.git", work / "by-daemon", {})

    @staticmethod
    def repository(path):
        git = ["git", "-c", "user.name=lab", "-c", "user.email=lab@localhost"]
        run("git", "init", "-q", "--bare", "-b", "main", path)
        work = path.parent / "first"
        run("git", "init", "-q", "-b", "main", work)
        (work / "big").write_bytes(os.urandom(4_000_000))
        run("git", "add", "big", cwd=work)
        run(*git, "commit", "-qm", "first", cwd=work)
        run("git", "push", "-q", path, "main", cwd=work)

    def clone_and_push(self, url, to, env):
        run("git", "clone", "-q", url, to, env=env)
        run("git", "-c", "user.name=lab", "-c", "user.email=lab@localhost", "commit", "-q", "--allow-empty", "-m", str(to),
            cwd=to)
        run("git", "push", "-q", "origin", "main", cwd=to, env=env)
        self.assertEqual(run("git", "ls-remote", url, "main", env=env).text.split()[0],
                         run("git", "rev-parse", "HEAD", cwd=to).text.strip())

    def test_http_1_0(self):
        """The end of the connection is the end of the page."""
        class OldPages(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the base class names it)
                self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 3_000_000)

            def log_message(self, *_):
                pass

        with web.serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), OldPages)) as port:
            (tunnel,) = forward("-L", f"0:127.0.0.1:{port}")
            self.assertEqual(len(web.get(tunnel["bound_port"], "")), 3_000_000)


class Kept(unittest.TestCase):
    def test_reopened_after_the_holder_was_killed(self):
        up(self, "kept")
        port = web.free_port()
        path = place()
        forward("-L", f"{port}:127.0.0.1:{pages}", "-L", f"{path}:127.0.0.1:{pages}", name="kept")
        connect = json.loads(rdev("connect", "--detach", "--json", "kept").text)["port"]
        (holder,) = holders("kept")
        os.kill(holder, signal.SIGKILL)
        os.kill(link_pid("kept"), signal.SIGKILL)
        eventually(lambda: not connects(port), "the port is closed")
        self.assertEqual(len(tunnels("kept")), 3)
        rdev("up", "kept")
        self.assertEqual(web.get(port, "3"), b"xxx")
        self.assertTrue(connects(connect))
        self.assertTrue(path.exists())
        self.assertEqual(len(tunnels("kept")), 3)

    def test_down_ends_everything(self):
        up(self, "ends")
        (tunnel,) = forward("-L", f"0:127.0.0.1:{pages}", name="ends")
        with socket.create_connection(("127.0.0.1", tunnel["bound_port"])) as s:
            rdev("down", "ends")
            self.assertFalse(connects(tunnel["bound_port"]))
            self.assertEqual((holders("ends"), link_processes("ends")), (set(), set()))
            s.settimeout(10)
            # Not a clean end: what was cut off must not look whole.
            self.assertRaises(ConnectionResetError, s.recv, 1)
        done = rdev("forward", "ends", "-L", f"0:127.0.0.1:{pages}", code=255)
        self.assertIn("ends", done.errors)


class OnDocker(unittest.TestCase):
    def test_both_ways_with_half_close(self):
        engine = docker.Dockerd()
        self.addCleanup(engine.stop)
        images.load("busybox")
        up(self, "boxed", "--cluster", "docker", "--image", "lab/busybox:1")
        for what, port in (("http", 7000), ("count", 7001)):
            with start("exec", "boxed", "--", "/lab/app", what, str(port)) as server:
                server.wait_for("serving")
                (tunnel,) = forward("-L", f"0:127.0.0.1:{port}", name="boxed")
                if what == "http":
                    self.assertEqual(web.get(tunnel["bound_port"], "1"), b"hello from the job\n")
                else:
                    self.assertEqual(web.digest_through(tunnel["bound_port"], bytes(5_000_000)), "5000000")
                rdev("forward", "boxed", "--remove", "all")
        (tunnel,) = forward("-R", f"0:127.0.0.1:{digests}", name="boxed")
        done = rdev("exec", "boxed", "--", "nc", "127.0.0.1", str(tunnel["bound_port"]), input=b"from the job")
        self.assertEqual(done.text, hashlib.sha256(b"from the job").hexdigest())
        line = next(line.strip() for line in rdev("connect", "--detach", "boxed").text.splitlines()
                    if re.match(r"\s*ssh ", line))
        self.assertEqual(run(*shlex.split(line), "cat; exit 3", input=b"x" * 300_000, code=3).out, b"x" * 300_000)


if __name__ == "__main__":
    unittest.main()
