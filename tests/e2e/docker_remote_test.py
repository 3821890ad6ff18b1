"""Engines that are not on this machine (tcp, ssh://): nothing is published, exec stdio carries SSH."""
import json
import os
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, tree, web
from lab.client import HOME, jobs, rdev, ssh, up
from lab.proc import Process, needs_tool, run
from lab.sshd import Sshd


def setUpModule():
    global engine, tcp
    rdev("ssh-config", "--install")
    # An address that is not a loopback one: another machine, as far as rdev can see.
    run("ip", "address", "add", "10.99.0.1/32", "dev", "lo")
    tcp = f"10.99.0.1:{web.free_port()}"
    engine = docker.Dockerd(tcp=tcp)
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")
    images.load("static")


class Remote(unittest.TestCase):
    host = None

    def check(self, name, image="busybox"):
        env = {"DOCKER_HOST": self.host}
        up(self, name, "--cluster", "docker", "--image", f"lab/{image}:1", env=env)
        self.addCleanup(rdev, "down", name, code=None, env=env)
        ports = docker.inspect(docker.container_of(name))["NetworkSettings"]["Ports"]
        self.assertEqual([b for bindings in ports.values() for b in bindings or []], [])
        self.assertEqual(ssh(name, "/lab/app args 'a b'", env=env).text, "<a b>\n")
        ssh(name, "/lab/app exit 5", code=5, env=env)
        return env

    def everything(self, name):
        env = self.check(name)
        data = os.urandom(20_000_000)
        self.assertEqual(ssh(name, "cat", input=data, env=env).out, data)
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        run("scp", "-pr", source, f"rdev-{name}:/tmp/there", env=env)
        run("scp", "-pr", f"rdev-{name}:/tmp/there", work / "back", env=env)
        self.assertEqual(tree.facts(work / "back"), tree.facts(source))
        port, job_port = web.free_port(), web.free_port()
        with Process("ssh", "-L", f"127.0.0.1:{port}:127.0.0.1:{job_port}", f"rdev-{name}",
                     f"/lab/app http {job_port}", env=env) as server:
            server.wait_for("serving")
            self.assertEqual(web.get(port, "1"), b"hello from the job\n")
        self.assertIn(name, jobs())
        rdev("down", name, env=env)
        self.assertEqual((docker.containers(), docker.volumes()), ([], []))


class OverTcp(Remote):
    def setUp(self):
        self.host = f"tcp://{tcp}"

    def test_everything(self):
        self.everything("tcp")

    def test_no_shell_in_the_image(self):
        self.check("tcp-static", "static")

    def test_publish_on_request(self):
        env = {"DOCKER_HOST": self.host}
        up(self, "pub", "--cluster", "docker", "--image", "lab/busybox:1", "--publish", "127.0.0.1", env=env)
        ports = docker.inspect(docker.container_of("pub"))["NetworkSettings"]["Ports"]
        self.assertIn("127.0.0.1", json.dumps(ports))
        ssh("pub", "true", env=env)

    def test_ssh_finds_the_engine_without_the_variable(self):
        """An IDE does not have DOCKER_HOST; the job's record knows."""
        self.check("ide")
        bare = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={HOME}"]
        self.assertEqual(run(*bare, "ssh", "rdev-ide", "/lab/app", "args", "x").text, "<x>\n")


class OverSsh(Remote):
    def setUp(self):
        needs_tool("sshd")
        self.sshd = Sshd()
        self.addCleanup(self.sshd.stop)
        ssh_directory = HOME / ".ssh"
        config = ssh_directory / "config"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        t = self.sshd.target
        config.write_text(f"{before}\nHost engine\n  HostName 127.0.0.1\n  Port {t.port}\n  User root\n"
                          f"  IdentityFile {t.key}\n  UserKnownHostsFile {t.known_hosts}\n")
        self.host = "ssh://engine"

    def test_everything(self):
        # `docker system dial-stdio` on the other side talks to its own default engine.
        self.everything("over-ssh")


if __name__ == "__main__":
    unittest.main()
