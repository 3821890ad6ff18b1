"""Nodes that the laptop cannot reach: through a jump host (stock sshd), or a dial command of the user's."""
import unittest
from pathlib import Path

from lab.client import jobs, rdev, rdev_json, ssh, up
from lab.netem import Link
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import run
from lab.sshd import Sshd

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

    def test_a_jump_host_that_refuses_says_so(self):
        self.add("far", "--jump", "nosuchuser@gate")
        said = up(self, "refused", "--cluster", "far", code=1).errors
        self.assertIn("Permission denied", said)


if __name__ == "__main__":
    unittest.main()
