"""A server of OpenPAI for a test file: the fake of one (tests/fakes/openpai), or the real one that RDEV_PAI_URL names (lab/pai.py)."""
import json
import os
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

from lab.client import RDEV_HOME, rdev, rdev_json
from lab.proc import PLACE, Process, run

FAKE = Path(__file__).resolve().parent.parent / "fakes" / "openpai"
PASSWORDS = {"alice": "alice-password", "bob": "bob-password", "admin": "admin-password"}
REAL = os.environ.get("RDEV_PAI_URL")
# Nothing that is started from here inherits them.
PASSWORD, TOKEN = (os.environ.pop(name, None) for name in ("RDEV_PAI_PASSWORD", "RDEV_PAI_TOKEN"))


def of_the_fake(why):
    """A decorator of tests and their classes: no part of a run against a real server, and why not. A module says
    `why_of_the_fake = …`."""
    def mark(tests):
        tests.why_of_the_fake = why
        return tests
    return mark


def for_module():
    """For setUpModule(): the real server, or a fake that ends with the module; rdev knows it as `pai`."""
    server = Real() if REAL else OpenPai()
    unittest.addModuleCleanup(server.stop)
    server.join()
    return server


class Server:
    """`user` is who we are there, with `password`, if that is known; `options` are for each `rdev up`."""
    user, password, virtual_cluster, image, options = "alice", PASSWORDS["alice"], "vc1", "debian:12", ()

    def join(self, *argv, **secret):
        rdev("cluster", "add", "pai", "--url", self.url, "--user", self.user, *argv, env=secret)

    @property
    def base(self):
        """Of the REST server."""
        return next(row["url"] for row in rdev_json("cluster", "list") if row["name"] == "pai")

    @property
    def token(self):
        return (RDEV_HOME / "state/tokens/pai").read_text().strip()

    def rows(self):
        """{user~name: row} of the user's jobs, as the server lists them."""
        request = urllib.request.Request(f"{self.base}/api/v2/jobs?username={self.user}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return {f"{row['username']}~{row['name']}": row for row in json.load(answer)}


class OpenPai(Server):
    """With `docker` its tasks are containers of $DOCKER_HOST, else processes. `options` are those of `docker run`."""

    def __init__(self, docker=False, options=(), listen="127.0.0.1:0", node_ip="127.0.0.1", host=None, tls=None, shell="bash"):
        # Jobs get ports below 40000 (ports.py): no connection of somebody else may sit on one.
        run(*(host.wrap if host else ()), "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 60999")
        state = tempfile.mkdtemp(prefix="pai-", dir=PLACE)
        engine = ["--docker", os.environ["DOCKER_HOST"]] if docker else []
        secure = ["--tls", tls] if tls else []
        self.process = Process(*(host.wrap if host else ()), sys.executable, FAKE, "--listen", listen, "--state", state,
                               "--node-ip", node_ip, "--shell", shell, *engine, *secure, *(["--", *options] if options else []))
        self.url = self.process.wait_for(r"https?://\S+").group(0)

    def join(self):
        super().join(RDEV_PASSWORD=self.password)

    def control(self, command, **body):
        """POST /_fake/COMMAND; faults.py says what there is."""
        request = urllib.request.Request(f"{self.url}/_fake/{command}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def states(self):
        """{job: state} as the server has it."""
        return self.control("jobs")

    def stop(self):
        self.process.popen.terminate()
        self.process.wait(30)


class Real(Server):
    def __init__(self):
        self.url, self.user, self.password = REAL, os.environ["RDEV_PAI_USER"], PASSWORD
        self.virtual_cluster = os.environ.get("RDEV_PAI_VC") or "default"
        if image := os.environ.get("RDEV_PAI_IMAGE"):
            self.image, self.options = image, ("--image", image)

    def join(self):
        secret = {"RDEV_TOKEN": TOKEN} if TOKEN else {"RDEV_PASSWORD": self.password}
        super().join("--vc", self.virtual_cluster, **secret)
        self.others = set(self.rows())

    def states(self):
        """Of the jobs that rdev has submitted since the test file began."""
        return {key: row["state"] for key, row in self.rows().items() if key not in self.others and "~rdev-" in key}

    def stop(self):
        rdev("cluster", "remove", "pai", code=None)
