"""Stock ssh through `rdev proxy`: what it forwards; and a job that denies it, over SSH and the link."""
import tempfile
import unittest
from pathlib import Path

from lab import exchange, web
from lab.client import rdev, ssh, start, up
from lab.exchange import MEGABYTES, Server, connect, read_all, sha
from lab.proc import Process, eventually
from lab.ssh_agent import SshAgent

NAME = "fwd"


def template(text):
    path = Path(tempfile.mkdtemp()) / "t.yaml"
    path.write_text(text)
    return str(path)


class ThroughTheProxy(unittest.TestCase):
    def setUp(self):
        up(self, NAME)
        rdev("ssh-config", "--install")

    def test_remote_forward(self):
        server = Server(self, exchange.speak_first)
        tunnel = Process("ssh", "-N", "-o", "BatchMode=yes", "-R", f"0:{server.spec}", f"rdev-{NAME}")
        self.addCleanup(tunnel.kill)
        port = int(tunnel.wait_for(r"Allocated port (\d+)")[1])
        with connect(port) as s:
            self.assertEqual(sha(read_all(s)), sha(MEGABYTES))
            s.sendall(b"after")
        self.assertEqual(server.result(), sha(b"after"))

    def test_agent_forwarding(self):
        lent = SshAgent(self)
        self.assertIn(lent.fingerprint, ssh(NAME, "ssh-add -l", options=lent.options).text)


class Denied(unittest.TestCase):
    def test_over_the_link_and_over_ssh(self):
        up(self, NAME, "--template", template("deny: [local-tcp, remote-tcp, unix-sockets, agent]\n"))
        rdev("ssh-config", "--install")
        server, path = Server(self, exchange.echo), Server(self, exchange.echo, exchange.new_path())
        for spec, why in (("-R", "denies listening on TCP ports"), ("-R", "denies listening on unix sockets")):
            where = str(web.free_port()) if "TCP" in why else exchange.new_path()
            done = rdev("forward", NAME, spec, f"{where}:{server.spec}", code=1)
            self.assertIn(why, done.errors)
        for target, why in ((server, "TCP servers"), (path, "unix sockets")):
            here = web.free_port()
            with start("forward", "--foreground", NAME, "-L", f"{here}:{target.spec}") as tunnel:
                eventually(lambda port=here: not exchange.refuses(port), "it listens")
                tunnel.wait_for(f"denies connections to {why}")
        done = ssh(NAME, options=["-W", server.spec], code=255)
        self.assertIn("the job's configuration denies connections to TCP servers", done.errors)

    def test_what_a_template_cannot_deny(self):
        done = rdev("up", NAME, "--template", template("deny: [everything]\n"), code=2)
        self.assertIn("'everything' cannot be denied: write local-tcp, remote-tcp, unix-sockets or agent", done.errors)


if __name__ == "__main__":
    unittest.main()
