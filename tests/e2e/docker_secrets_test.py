"""A man in the middle and prying eyes, with a job in a container."""
import base64
import os
import re
import stat
import tempfile
import unittest
from pathlib import Path

from lab import docker, images
from lab.agent import Agent
from lab.client import RDEV_HOME, rdev, ssh, ssh_settings, up
from lab.proc import eventually, processes, program, run
from lab.ssh import Target, make_key


def setUpModule():
    global engine
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")


def published_port(job):
    ports = docker.inspect(docker.container_of(job))["NetworkSettings"]["Ports"]
    return int(next(b["HostPort"] for bindings in ports.values() for b in bindings or []))


class ManInTheMiddle(unittest.TestCase):
    """On the line to the job, which the agent's key pins; front_test.py has the laptop's own leg."""

    def test_another_server_on_the_published_port(self):
        up(self, "mitm", "--cluster", "docker", "--image", "lab/busybox:1")
        ssh("mitm", "true")
        port = published_port("mitm")
        for pid, line in processes("docker-proxy").items():
            if f"-host-port {port}" in line:
                os.kill(pid, 9)
        key = Path(ssh_settings("rdev-mitm")["identityfile"].strip('"'))
        public = tempfile.mkdtemp()
        stolen = Path(public) / "stolen"
        (Path(public) / "stolen.pub").write_text(run("ssh-keygen", "-y", "-f", key).text)
        # It even accepts the user's key: only the pin stands between.
        evil = eventually(lambda: self.listen(port, stolen), "the port is free")
        self.addCleanup(evil.end)
        # The link has the pin, and so has ssh where it goes without one.
        directly = ("-o", f"ProxyCommand={program('rdev')} proxy --raw --direct mitm")
        for options, says in ((), "this is another server"), (directly, "Host key verification failed"):
            done = ssh("mitm", "echo reached", options=options, code=255)
            self.assertIn(says, done.errors)
            self.assertNotIn(b"reached", done.out)
        # Reattaching talks SSH itself, and must refuse as well.
        done = rdev("up", "mitm", code=None)
        self.assertNotEqual(done.code, 0)

    def listen(self, port, key):
        try:
            return Agent(listen=f"127.0.0.1:{port}", key=key)
        except AssertionError:
            return None

    def test_a_strangers_key_is_refused_on_the_published_port(self):
        up(self, "stranger", "--cluster", "docker", "--image", "lab/busybox:1")
        known = Path(ssh_settings("rdev-stranger")["userknownhostsfile"].strip('"')).read_text()
        host_key = " ".join(known.splitlines()[1].split()[1:3])  # the agent's; the first one is the front's
        stranger = Target(port=published_port("stranger"), host_key=host_key, key=make_key(tempfile.mkdtemp()))
        self.assertIn("Permission denied (publickey)", stranger.ssh("true", code=255).errors)


class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rdev("up", "secret", "--cluster", "docker", "--image", "lab/busybox:1", "--", "sh", "-c", "echo log; env")
        cls.addClassCleanup(rdev, "down", "secret")
        ssh("secret", "true")
        cls.container = docker.container_of("secret")
        cls.secrets = cls.find_secrets()

    @classmethod
    def find_secrets(cls):
        """The host seed in the forms it could leak in, and the private keys."""
        found = {}
        (volume,) = docker.volume_directories(cls.container)
        configs = [p for p in volume.rglob("*") if p.is_file() and p.stat().st_size < 100_000]
        for path in configs:
            match = re.search(rb"\x12\x20(.{32})", path.read_bytes(), re.DOTALL)  # host_seed, 32 bytes
            if match:
                seed = match[1]
                found |= {"seed": seed, "seed in hex": seed.hex().encode(), "seed in base64": base64.b64encode(seed)[:42]}
        for path in RDEV_HOME.rglob("*"):
            if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
                lines = path.read_text().splitlines()
                found[f"private key {path.name}"] = lines[-3].encode()
        return found

    def check(self, where, data):
        for name, secret in self.secrets.items():
            self.assertNotIn(secret, data, f"{name} in {where}")

    def test_the_secrets_are_known_to_this_test(self):
        self.assertLessEqual({"seed", "private key id_ed25519", "private key key"}, set(self.secrets))

    def test_the_seed_is_forgotten_or_unreadable(self):
        """Nobody but the agent's user reads the configuration, also not on the volume."""
        (volume,) = docker.volume_directories(self.container)
        for path in volume.rglob("*"):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and path.name != "rdev-agent":
                self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, path)

    def test_seed_is_not_on_the_laptop(self):
        for name, secret in self.secrets.items():
            if "seed" in name:
                for path in RDEV_HOME.rglob("*"):
                    if path.is_file():
                        self.assertNotIn(secret, path.read_bytes(), path)

    def test_processes(self):
        for directory in Path("/proc").iterdir():
            if directory.name.isdigit():
                for file in ("cmdline", "environ"):
                    try:
                        self.check(directory / file, (directory / file).read_bytes())
                    except OSError:
                        pass

    def test_inspect_labels_and_logs(self):
        self.check("inspect", docker.docker("inspect", self.container).out)
        self.check("docker logs", docker.docker("logs", self.container).out)
        logs = rdev("logs", "secret").out
        self.assertIn(b"log\n", logs)
        self.check("rdev logs", logs)
        self.check("events of the engine", engine.process.output.encode())

    def test_committed_image(self):
        docker.docker("commit", self.container, "lab/committed:1")
        self.check("image", docker.docker("save", "lab/committed:1", timeout=60).out)
        self.check("export", docker.docker("export", self.container, timeout=60).out)

    def test_sessions(self):
        self.check("a session's environment", ssh("secret", "env; cat /proc/self/environ /proc/1/cmdline; ls -l /proc/self/fd").out)

    def test_another_user_of_the_container(self):
        """`docker exec` as somebody else: reads neither configuration nor memory."""
        for path in ("/.rdev/config", "/proc/1/environ", "/proc/1/mem"):
            done = docker.docker("exec", "-u", "4242", self.container, "cat", path, code=None)
            self.assertNotEqual(done.code, 0, path)

    def test_ssh_config_and_state_files_are_private(self):
        for path in RDEV_HOME.rglob("*"):
            self.assertEqual(stat.S_IMODE(path.lstat().st_mode) & 0o077 if not path.is_symlink() else 0, 0, path)


if __name__ == "__main__":
    unittest.main()
