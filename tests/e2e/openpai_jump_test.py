"""Nodes that the laptop cannot reach: through a jump host (stock sshd), or a dial command of the user's."""
import hashlib
import os
import tempfile
import unittest
from pathlib import Path

from lab.client import jobs, rdev, rdev_json, ssh, up
from lab.netem import Link
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import processes, run
from lab.sshd import Sshd

why_of_the_fake = "the fake's node is behind an emulated line"
NODE = "10.98.0.7"  # of the cluster's own network


def setUpModule():
    global link, gate, pai
    rdev("ssh-config", "--install")
    link = Link(rtt_ms=10, rate="100mbit")
    link.__enter__()
    unittest.addModuleCleanup(link.__exit__, None, None, None)
    link.job.run("ip", "address", "add", f"{NODE}/32", "dev", "lo")
    gate = Sshd(host=link.job)
    unittest.addModuleCleanup(gate.stop)
    pai = OpenPai(host=link.job, listen=f"{link.job.address}:0", node_ip=NODE)
    unittest.addModuleCleanup(pai.stop)
    target = gate.target
    known = Path.home() / ".ssh/known_hosts"
    known.parent.mkdir(mode=0o700, exist_ok=True)
    known.write_text(f"[{target.host}]:{target.port} {target.host_key}\n")
    with open(known.with_name("config"), "a") as config:
        config.write(f"\nHost gate\n  HostName {target.host}\n  Port {target.port}\n  User {target.user}\n  IdentityFile {target.key}\n")


def without_ssh():
    """A PATH that has no ssh."""
    directory = Path(tempfile.mkdtemp())
    return directory


class Ways(unittest.TestCase):
    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})

    def add(self, name, *argv):
        self.addCleanup(rdev, "cluster", "remove", name, code=None)
        rdev("cluster", "add", name, "--url", pai.url, "--user", "alice", *argv, env={"RDEV_PASSWORD": PASSWORDS["alice"]})

    def test_the_node_is_out_of_reach(self):
        self.assertIn("unreachable", run("ip", "route", "get", NODE, code=None).errors)

    def test_a_jump_host(self):
        self.add("far", "--jump", "gate")
        up(self, "jump", "--cluster", "far")
        self.assertEqual(ssh("jump", "echo through").text, "through\n")
        self.assertEqual(rdev_json("status", "jump")["endpoints"][0].split(":")[1], NODE)

    def test_a_dial_command(self):
        self.add("far")
        path = Path.home()
        entry = next(path.parent.rglob("clusters/far.yaml"))
        entry.write_text(entry.read_text() + "dial: [ssh, gate, -W, '{host}:{port}']\n")
        up(self, "dial", "--cluster", "far")
        self.assertEqual(ssh("dial", "echo dialled").text, "dialled\n")

    def test_a_jump_host_without_ssh(self):
        """Where no ssh is installed: libssh, with the same configuration and known_hosts."""
        self.add("far", "--jump", "gate")
        env = {"PATH": str(without_ssh())}
        self.addCleanup(rdev, "down", "built-in", code=None, env=env)
        rdev("up", "built-in", "--cluster", "far", env=env)
        self.assertEqual(rdev("exec", "built-in", "--", "sh", "-c", "echo through", env=env).text, "through\n")
        self.assertTrue(processes("jump-stdio"))
        data = os.urandom(3_000_000)
        sent = rdev("exec", "built-in", "--", "sha256sum", input=data, env=env).text.split()[0]
        self.assertEqual(sent, hashlib.sha256(data).hexdigest())
        self.assertEqual(rdev("exec", "built-in", "--", "cat", input=data, env=env).out, data)

    def test_what_is_wrong_without_ssh_is_said(self):
        env = {"PATH": str(without_ssh())}
        for jump, sentence in [("nosuchuser@gate", "Permission denied"), (f"127.0.0.1:{gate.target.port + 1}", "cannot connect")]:
            self.add("wrong", "--jump", jump)
            said = up(self, "wrong", "--cluster", "wrong", "--attach-timeout", "5s", code=1, env=env).errors
            self.assertIn(sentence, said)
            rdev("cluster", "remove", "wrong")
        known = Path.home() / ".ssh/known_hosts"
        before = known.read_text()
        self.addCleanup(known.write_text, before)
        other = run("ssh-keygen", "-y", "-f", gate.target.key).text.split()[:2]
        for text, sentence in [("", "is not in ~/.ssh/known_hosts"),
                               (f"[{gate.target.host}]:{gate.target.port} {' '.join(other)}\n", "has another one for it")]:
            known.write_text(text)
            self.add("wrong", "--jump", "gate")
            said = up(self, "wrong", "--cluster", "wrong", code=1, env=env).errors
            self.assertIn("Host key verification failed", said)
            self.assertIn(sentence, said)
            rdev("cluster", "remove", "wrong")

    def test_a_jump_host_that_refuses_says_so(self):
        self.add("far", "--jump", "nosuchuser@gate")
        said = up(self, "refused", "--cluster", "far", code=1).errors
        self.assertIn("Permission denied", said)


if __name__ == "__main__":
    unittest.main()
