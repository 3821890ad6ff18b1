"""How the engine and the image are found: contexts, private registries, other machines' images."""
import base64
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, registry
from lab.client import HOME, jobs, rdev, ssh, up
from lab.proc import program, run


def setUpModule():
    global engine
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("static")


class Contexts(unittest.TestCase):
    """The engine that the docker command would talk to, without DOCKER_HOST."""

    def setUp(self):
        self.config = tempfile.mkdtemp()
        self.env = ["env", "-u", "DOCKER_HOST", f"DOCKER_CONFIG={self.config}"]
        run(*self.env, "docker", "context", "create", "lab", "--docker", f"host={os.environ['DOCKER_HOST']}")

    def check(self, name, env):
        self.addCleanup(run, *env, program("rdev"), "down", name, code=None)
        run(*env, program("rdev"), "up", name, "--cluster", "docker", "--image", "lab/static:1")
        # What an IDE has.
        bare = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={HOME}"]
        self.assertEqual(run(*bare, "ssh", f"rdev-{name}", "/lab/app", "args", "x").text, "<x>\n")
        run(*env, program("rdev"), "down", name)
        self.assertEqual(docker.containers(), [])

    def test_by_variable(self):
        self.check("by-variable", [*self.env, "DOCKER_CONTEXT=lab"])

    def test_the_current_one(self):
        run(*self.env, "docker", "context", "use", "lab")
        self.check("current", self.env)

    def test_one_that_is_missing(self):
        done = run(*self.env, "DOCKER_CONTEXT=nowhere", program("rdev"), "up", "x", "--cluster", "docker", code=None)
        self.assertIn(done.code, (1, 2))
        self.assertIn("nowhere", done.errors)


class PrivateRegistry(unittest.TestCase):
    def setUp(self):
        serving = registry.registry({"lab/app": images.app().read_bytes()})
        self.port = serving.__enter__()
        self.addCleanup(serving.__exit__, None, None, None)
        self.host = f"127.0.0.1:{self.port}"
        self.image = f"{self.host}/private/app:1"
        self.config = Path(tempfile.mkdtemp())
        self.env = {"DOCKER_CONFIG": str(self.config)}
        self.addCleanup(docker.docker, "image", "rm", "-f", self.image, code=None)

    def login(self, password):
        auth = base64.b64encode(f"{registry.USER}:{password}".encode()).decode()
        (self.config / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))

    def test_with_the_users_credentials(self):
        self.login(registry.PASSWORD)
        done = up(self, "private", "--cluster", "docker", "--image", self.image, env=self.env)
        self.assertIn("pulling", done.errors)
        self.assertNotIn(registry.PASSWORD, done.text + done.errors)
        self.assertEqual(ssh("private", "/lab/app args pulled").text, "<pulled>\n")

    def test_by_a_credential_helper(self):
        tools = Path(tempfile.mkdtemp())
        helper = tools / "docker-credential-lab"
        answer = json.dumps({"ServerURL": self.host, "Username": registry.USER, "Secret": registry.PASSWORD})
        helper.write_text(f"#!/bin/sh\nread -r server\n[ \"$server\" = {self.host} ] && echo '{answer}'\n")
        helper.chmod(0o755)
        (self.config / "config.json").write_text(json.dumps({"credHelpers": {self.host: "lab"}}))
        env = self.env | {"PATH": f"{tools}:{os.environ['PATH']}"}
        up(self, "helper", "--cluster", "docker", "--image", self.image, env=env)
        self.assertEqual(ssh("helper", "/lab/app args pulled").text, "<pulled>\n")

    def test_without_or_with_wrong_ones(self):
        for password in (None, "wrong"):
            if password:
                self.login(password)
            done = rdev("up", "refused", "--cluster", "docker", "--image", self.image, env=self.env, code=1)
            self.assertRegex(done.errors, "(?i)docker login|credentials|unauthorized|denied")
        self.assertEqual((docker.containers(), jobs()), ([], {}))

    def test_an_image_that_it_does_not_have(self):
        self.login(registry.PASSWORD)
        missing = f"{self.host}/private/other:2"
        done = rdev("up", "missing", "--cluster", "docker", "--image", missing, env=self.env, code=1)
        self.assertIn(missing, done.errors)


class OtherMachines(unittest.TestCase):
    def test_an_arm64_image_says_so(self):
        layer = registry.one_layer({"app": b"\x7fELF"})
        saved = registry.saved_image("lab/arm:1", layer, "arm64")
        subprocess.run(["docker", "load", "-q"], input=saved, check=True, stdout=subprocess.DEVNULL)
        done = rdev("up", "arm", "--cluster", "docker", "--image", "lab/arm:1", code=None)
        self.assertIn(done.code, (1, 2))
        self.assertIn("arm64", done.errors)
        self.assertEqual((docker.containers(), jobs()), ([], {}))


if __name__ == "__main__":
    unittest.main()
