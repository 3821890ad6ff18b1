"""The agent by hand: `rdev-agent serve --listen … --authorized-keys …`, no client, no cluster."""
import re
import tempfile
import time
from pathlib import Path

from lab.proc import Process, program
from lab.ssh import Target, make_key


class Agent:
    """Runs until the with-block ends. `wrap` goes before its argv (unshare, setpriv, chroot)."""

    def __init__(self, *options, command=(), wrap=(), binary=None, listen="127.0.0.1:0", user="rdev",
                 directory=None, key=None, keys_path=None, **popen):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="agent-"))
        self.directory.chmod(0o755)
        self.key = key or make_key(self.directory)
        keys = self.directory / "authorized_keys"
        keys.write_text(Path(f"{self.key}.pub").read_text())
        tail = ["--", *command] if command else []
        self.started_at = time.monotonic()
        self.process = Process(*wrap, binary or program("rdev-agent"), "serve", "--listen", listen,
                               "--authorized-keys", keys_path or keys, *options, *tail, **popen)
        try:
            line = self.process.wait_for(r"^\s*(\[127\.0\.0\.1\]:(\d+)) (ssh-ed25519 \S+)")
        except BaseException:
            self.process.kill()
            raise
        self.listening_at = time.monotonic()  # it says so once it listens
        self.port = int(line[2])
        self.target = Target(port=self.port, host_key=line[3], key=self.key, user=user)

    @property
    def pid(self):
        """Of the agent itself where `wrap` executes it directly."""
        return self.process.pid

    @property
    def fingerprint(self):
        return re.search(r"SHA256:\S+", self.process.output)[0]

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.popen.terminate()
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
