"""docker/Dockerfile.agent as docker/README.md tells it: any image becomes one to ssh into."""
import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from lab import docker, images
from lab.proc import eventually, run
from lab.ssh import Target, make_key

DOCKER = Path(__file__).resolve().parents[2] / "docker"


class CarriedByAnImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        engine = docker.Dockerd()
        cls.addClassCleanup(engine.stop)
        images.load("busybox")
        old_builder = {"DOCKER_BUILDKIT": "0"}
        run("docker", "build", "-q", "-t", "rdev-agent", "-f", DOCKER / "Dockerfile.agent", os.environ["RDEV_BIN"],
            env=old_builder)
        context = Path(tempfile.mkdtemp())
        cls.key = make_key(context)
        shutil.copy(f"{cls.key}.pub", context / "id_ed25519.pub")
        lines = re.search(r"FROM your/image\n.*?\n\n", (DOCKER / "README.md").read_text(), re.DOTALL)[0]
        text = "\n".join(line.strip() for line in lines.splitlines()).replace("your/image", "lab/busybox:1")
        (context / "Dockerfile").write_text(text)
        run("docker", "build", "-q", "-t", "box", context, env=old_builder)

    def test_holds_one_file(self):
        docker.docker("create", "--name", "one", "rdev-agent")
        self.addCleanup(docker.docker, "rm", "-fv", "one")
        with tempfile.TemporaryFile() as tar:
            tar.write(docker.docker("export", "one").out)
            tar.seek(0)
            import tarfile
            files = [m.name for m in tarfile.open(fileobj=tar) if m.isfile() and m.size]
        self.assertEqual(files, ["rdev-agent"])
        self.assertRegex(docker.docker("run", "--rm", "rdev-agent", "--version").text, r"\d+\.\d+")

    def test_the_readmes_image_can_be_logged_into(self):
        docker.docker("run", "-d", "--name", "box", "-p", "127.0.0.1::2222", "box")
        self.addCleanup(docker.docker, "rm", "-fv", "box")

        def host_key():
            done = docker.docker("logs", "box")
            return re.search(r"ssh-ed25519 \S+", done.text + done.errors)

        host_key = eventually(host_key, "the log has the known_hosts line")[0]
        port = int(docker.docker("port", "box", "2222/tcp").text.rsplit(":", 1)[1])
        target = Target(port=port, host_key=host_key, key=self.key, user="root")
        self.assertEqual(target.ssh("tr '\\0' ' ' </proc/1/cmdline; exit 3", code=3).text[:16], "rdev-agent serve")
        docker.docker("stop", "-t", "5", "box")  # process 1 obeys SIGTERM
        self.assertNotEqual(docker.inspect("box")["State"]["ExitCode"], 137)


if __name__ == "__main__":
    unittest.main()
