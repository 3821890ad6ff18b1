"""Jobs of an OpenPAI cluster in containers that have nothing but busybox, and no network but loopback."""
import functools
import hashlib
import http.server
import os
import socket
import unittest
from pathlib import Path

from lab import docker, images
from lab.client import jobs, rdev, rdev_json, ssh, up
from lab.link import forward
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import eventually
from lab.web import ThreadedServer, serving

why_of_the_fake = "the fake's containers are made for the test: no network, no place to execute, another user"


def setUpModule():
    global engine
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class InContainers(unittest.TestCase):
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.pai = OpenPai(docker=True, options=cls.OPTIONS)
        cls.addClassCleanup(cls.pai.stop)
        cls.addClassCleanup(rdev, "cluster", "remove", "pai", code=None)
        rdev("cluster", "add", "pai", "--url", cls.pai.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})

    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})
        eventually(lambda: not docker.containers(), "no container is left")

    def up(self, name, *argv, image="lab/busybox:1", **how):
        return up(self, name, "--cluster", "pai", "--image", image, *argv, **how)

    def works(self, name, *argv):
        self.up(name, *argv)
        self.assertEqual(ssh(name, "echo from $PAI_TASK_INDEX").text, "from 0\n")
        data = os.urandom(300_000)
        sent = rdev("exec", name, "--", "sha256sum", input=data).text.split()[0]
        self.assertEqual(sent, hashlib.sha256(data).hexdigest())


class Busybox(InContainers):
    def test_a_life(self):
        self.works("plain", "--", "sh", "-c", "echo the command runs; sleep 1000")
        eventually(lambda: "the command runs\n" in rdev("logs", "plain").text, "the log has it")
        self.assertEqual(rdev_json("status", "plain")["state"], "running")
        port = rdev_json("status", "plain")["endpoints"][0].rsplit(":", 1)[1]
        (tunnel,) = forward("plain", "-L", f"0:127.0.0.1:{port}")
        with socket.create_connection(("127.0.0.1", tunnel["bound_port"]), timeout=20) as peer:
            self.assertEqual(peer.recv(8, socket.MSG_WAITALL), b"SSH-2.0-")
        self.assertRegex(rdev("extend", "plain", "2h").text, "6h|7h")
        rdev("down", "plain")
        self.assertEqual(set(self.pai.control("jobs").values()) - {"STOPPED", "STOPPING"}, set())

    def test_an_image_that_is_not_there(self):
        said = self.up("none", image="registry.example.com/none:1", code=1).errors
        self.assertIn("registry.example.com/none:1", said)
        self.assertEqual(jobs(), {})

    def test_a_shell_without_printf(self):
        self.works("base64", "--setup", "printf() { return 1; }")

    def test_an_image_without_base64(self):
        images.build("FROM lab/busybox:1\nRUN rm /bin/base64 /bin/printf /bin/mkfifo\n", "lab/few:1")
        self.up("octal", image="lab/few:1")
        self.assertEqual(ssh("octal", "echo here").text, "here\n")


    def test_four_instances(self):
        self.up("four", "--instances", "4", "--", "sh", "-c", "echo I am $PAI_TASK_INDEX; sleep 1000")
        self.assertEqual(len(docker.containers()), 4)
        said = rdev("exec", "--all", "four", "--", "sh", "-c", "echo $NODE_RANK of $WORLD_SIZE; exit $NODE_RANK", code=3).text
        self.assertEqual(sorted(said.splitlines()), [f"{rank}: {rank} of 4" for rank in range(4)])
        self.assertEqual(ssh("four.3", "echo from $PAI_TASK_INDEX").text, "from 3\n")
        eventually(lambda: "I am 2\n" in rdev("logs", "four.2").text, "its own log")
        self.assertEqual([row["state"] for row in rdev_json("status", "four")["instances"]], ["running"] * 4)


class ReadOnlyRoot(InContainers):
    OPTIONS = ("--read-only",)

    def test_it(self):
        self.works("readonly")


class NoExecutableTmp(InContainers):
    OPTIONS = ("--tmpfs", "/tmp:noexec", "-e", "PAI_WORK_DIR=/nonexistent")

    def test_it(self):
        self.works("noexec")


class AnotherUser(InContainers):
    OPTIONS = ("--user", "12345:12345")

    def test_it(self):
        self.works("user")


class NowhereToExecute(InContainers):
    OPTIONS = ("--read-only", "--user", "12345:12345", "-e", "PAI_WORK_DIR=/nonexistent", "-e", "HOME=/nonexistent",
               "--tmpfs", "/dev/shm:noexec", "--tmpfs", "/tmp:noexec,mode=1777", "--tmpfs", "/var/tmp:noexec,mode=1777",
               "--tmpfs", "/run:noexec,mode=1777")

    def test_it_names_what_helps(self):
        said = self.up("nowhere", code=1).errors
        self.assertIn("--inject path:", said)
        self.assertIn("--inject image", said)

    def test_a_node_of_another_kind_is_said(self):
        said = self.up("arm", "--setup", "uname() { echo aarch64; }", code=1).errors
        self.assertIn("this node is aarch64: rdev's agent is for x86_64 nodes", said)

    def test_nor_what_is_fetched(self):
        handler = functools.partial(Quiet, directory=os.environ["RDEV_BIN"])
        with serving(ThreadedServer(("127.0.0.1", 0), handler)) as port:
            said = self.up("nowhere", "--inject", f"url:http://127.0.0.1:{port}/rdev-agent", code=1).errors
        self.assertRegex(said, r"no directory here can run the agent \(tried:.* /tmp .*--inject image")

    def test_the_agent_may_be_in_the_image(self):
        context = Path(os.environ["TMPDIR"] if "TMPDIR" in os.environ else "/tmp") / "agent-image"
        context.mkdir()
        agent = Path(os.environ["RDEV_BIN"]) / "rdev-agent"
        (context / "rdev-agent").write_bytes(agent.read_bytes())
        (context / "rdev-agent").chmod(0o755)
        (context / "Dockerfile").write_text("FROM lab/busybox:1\nCOPY rdev-agent /opt/rdev-agent\n")
        docker.docker("build", "-q", "-t", "lab/agent:1", context, timeout=120)
        self.up("image", "--inject", "image:/opt/rdev-agent", image="lab/agent:1")
        self.assertEqual(ssh("image", "echo here").text, "here\n")


if __name__ == "__main__":
    unittest.main()
