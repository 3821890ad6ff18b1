"""Stock SSH clients, always with the host key pinned beforehand."""
import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lab.proc import Process, run


def make_key(directory, name="id", kind="ed25519"):
    key = Path(directory) / name
    run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", key)
    return key


@dataclass
class Target:
    """A server and who we are to it; `config` is an ssh_config file with the one Host `agent`."""
    port: int
    host_key: str  # "ssh-ed25519 AAAA…"
    key: Path
    user: str = "rdev"
    host: str = "127.0.0.1"
    options: tuple = ()
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ssh-")))

    def __post_init__(self):
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        self.known_hosts.write_text(f"{name} {self.host_key}\n")
        lines = ["Host agent", f"HostName {self.host}", f"Port {self.port}", f"User {self.user}",
                 f"IdentityFile {self.key}", "IdentitiesOnly yes", "IdentityAgent none", "BatchMode yes",
                 "StrictHostKeyChecking yes", f"UserKnownHostsFile {self.known_hosts}",
                 "GlobalKnownHostsFile none", *self.options]
        self.config.write_text("\n  ".join(lines) + "\n")

    @property
    def fingerprint(self):
        digest = hashlib.sha256(base64.b64decode(self.host_key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def known_hosts(self):
        return self.directory / "known_hosts"

    @property
    def config(self):
        return self.directory / "config"

    def variant(self, **changes):
        """The same server, differently approached."""
        values = {"port": self.port, "host_key": self.host_key, "key": self.key, "user": self.user,
                  "host": self.host, "options": self.options}
        return Target(**(values | changes))

    def argv(self, *words, options=()):
        """ssh OPTIONS agent WORDS"""
        return ["ssh", "-F", str(self.config), *options, "agent", *words]

    def ssh(self, *words, options=(), **how):
        return run(*self.argv(*words, options=options), **how)

    def start(self, *words, options=(), **how):
        return Process(*self.argv(*words, options=options), **how)

    def sftp(self, batch, **how):
        return run("sftp", "-F", self.config, "-b", "-", "agent", input=batch, **how)

    def dbclient(self):
        """Dropbear's client, up to its own options; it has its known_hosts in $HOME only."""
        key = Path(tempfile.mkdtemp()) / "id"
        run("dropbearconvert", "openssh", "dropbear", self.key, key)
        ssh = Path(os.environ["HOME"]) / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "known_hosts").write_text(f"127.0.0.1 {self.host_key}\n")
        return ["dbclient", "-i", key, "-p", str(self.port)]

    def paramiko(self, **options):
        """A connected paramiko.SSHClient."""
        import paramiko
        client = paramiko.SSHClient()
        client.load_host_keys(str(self.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(self.host, self.port, self.user, key_filename=str(self.key), allow_agent=False, look_for_keys=False,
                       **options)
        return client

    @property
    def as_rsh(self):
        """For rsync -e and GIT_SSH_COMMAND."""
        return f"ssh -F {self.config}"


def control_path():
    """A short name that no other test has."""
    return os.path.join(tempfile.mkdtemp(prefix="cm-"), "c")
