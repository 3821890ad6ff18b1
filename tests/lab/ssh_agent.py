"""A real ssh-agent, to be lent with ssh -A."""
import os

from lab.exchange import new_path
from lab.proc import Process, eventually, run
from lab.ssh import make_key


class SshAgent:
    """A real ssh-agent with one key; ends with the test."""

    def __init__(self, test, key=None):
        self.path = new_path("agent")
        self.process = Process("ssh-agent", "-D", "-a", self.path)
        test.addCleanup(self.process.kill)
        eventually(lambda: os.path.exists(self.path), "ssh-agent listens")
        self.key = key or make_key(os.path.dirname(self.path))
        run("ssh-add", "-q", self.key, env={"SSH_AUTH_SOCK": self.path})
        self.fingerprint = run("ssh-keygen", "-lf", f"{self.key}.pub").text.split()[1]
        self.options = ["-A", "-o", f"IdentityAgent={self.path}"]
