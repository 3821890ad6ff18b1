"""Images that took the agent from docker/Dockerfile.agent: other users, other places, no shell.

  scratch + rdev-agent ──COPY --from──> any image ──docker run -p 127.0.0.1──> stock ssh
"""
import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from lab import images, tree
from lab.docker import Dockerd, docker
from lab.proc import eventually, program
from lab.ssh import Target, make_key

DOCKER_DIR = Path(__file__).resolve().parents[2] / "docker"
SERVE = ["rdev-agent", "serve", "--listen", "0.0.0.0:2222", "--authorized-keys", "/etc/rdev/authorized_keys"]


def setUpModule():
    global key
    engine = Dockerd()
    unittest.addModuleCleanup(engine.stop)
    context = Path(tempfile.mkdtemp())
    shutil.copy(program("rdev-agent"), context)
    docker("build", "-q", "-t", "rdev-agent", "-f", DOCKER_DIR / "Dockerfile.agent", context,
           env={"DOCKER_BUILDKIT": "0"})
    key = make_key(tempfile.mkdtemp())


def image_with_agent(kind, directory="/usr/local/bin/"):
    """FROM the lab's image, with the agent and our key in it."""
    context = Path(tempfile.mkdtemp())
    shutil.copy(f"{key}.pub", context / "authorized_keys")
    serve = [directory + SERVE[0], *SERVE[1:]]
    (context / "Dockerfile").write_text(
        f"FROM {images.load(kind)}\n"
        f"COPY --from=rdev-agent /rdev-agent {directory}\n"
        "COPY authorized_keys /etc/rdev/authorized_keys\n"
        f"CMD {json.dumps(serve)}\n")
    docker("build", "-q", "-t", f"with-agent/{kind}", context, env={"DOCKER_BUILDKIT": "0"})
    return f"with-agent/{kind}"


def started(test, image, *options):
    """A container of the image, and how to reach it with the host key that its log tells."""
    container = docker("run", "-d", "-p", "127.0.0.1::2222", *options, image).text.strip()
    test.addCleanup(docker, "rm", "-fv", container)

    def host_key():
        done = docker("logs", container)
        return re.search(r"\]:\d+ (ssh-ed25519 \S+)", done.text + done.errors)
    line = eventually(host_key, "the agent tells its known_hosts line")
    port = docker("port", container, "2222").text.strip().rsplit(":", 1)[1]
    return Target(port=int(port), host_key=line[1], key=key)


class WithTheAgent(unittest.TestCase):
    def test_an_image_with_the_agent_added(self):
        target = started(self, image_with_agent("busybox"))
        self.assertEqual(target.ssh("echo", "hi").text, "hi\n")
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        target.sftp(f"mkdir /tmp/there\nput -pR {source}/. /tmp/there\nget -pR /tmp/there {work}/back\n")
        self.assertEqual(tree.facts(work / "back"), tree.facts(source))

    def test_as_another_user_on_a_read_only_root(self):
        target = started(self, image_with_agent("busybox"), "--user", "12345", "--read-only")
        self.assertEqual(target.ssh("id", "-u").text, "12345\n")

    def test_an_image_with_nothing_else(self):
        target = started(self, image_with_agent("static", "/"))
        self.assertEqual(target.ssh("/lab/app args 'a b' c").text, "<a b><c>\n")

    def test_a_wrong_host_key_is_refused(self):
        target = started(self, image_with_agent("busybox"))
        other = make_key(tempfile.mkdtemp())
        wrong = target.variant(host_key=" ".join(Path(f"{other}.pub").read_text().split()[:2]))
        self.assertIn("verification failed", wrong.ssh("true", code=255).errors)


if __name__ == "__main__":
    unittest.main()
