"""A stock sshd on 127.0.0.1, or on a host of lab.netem: the peer to compare with, and the far side of
ssh:// engines."""
import os
import tempfile
import time
from pathlib import Path

from lab.proc import Process
from lab.ssh import Target, make_key
from lab.web import free_port


class Sshd:
    def __init__(self, lines=(), host=None):
        directory = Path(tempfile.mkdtemp(prefix="sshd-"))
        directory.chmod(0o755)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        own, user = make_key(directory, "host"), make_key(directory, "user")
        port = free_port()
        address = host.address if host else "127.0.0.1"
        set_env = " ".join(f"{name}={os.environ[name]}" for name in ("DOCKER_HOST",) if name in os.environ)
        (directory / "config").write_text("\n".join([
            f"Port {port}", f"ListenAddress {address}", f"HostKey {own}", f"AuthorizedKeysFile {user}.pub",
            "StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes", "PasswordAuthentication no",
            "MaxSessions 500", "MaxStartups 100", "Subsystem sftp internal-sftp",
            *([f"SetEnv {set_env}"] if set_env else []), *lines, ""]))
        # With -D -e the first line comes once it listens.
        self.started_at = time.monotonic()
        self.process = Process(*(host.wrap if host else ()), "/usr/sbin/sshd", "-D", "-e", "-f", directory / "config")
        self.process.wait_for("Server listening on")
        self.listening_at = time.monotonic()
        key = " ".join(Path(f"{own}.pub").read_text().split()[:2])
        self.target = Target(port=port, host_key=key, key=user, user="root", host=address)

    def stop(self):
        self.process.kill()
