"""The agent without client and cluster: by hand (`serve --listen …`) or by a config."""
import re
import tempfile
import time
from pathlib import Path

from lab import config
from lab.front import FRONT, Front
from lab.proc import SANITIZED, Process, eventually, processes, program, run
from lab.ssh import Target, make_key


def spare_of(pid):
    """The waiting spare process of the agent with that pid; None when there is none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next((spare for spare in processes("rdev-agent internal-spare") if str(spare) in children), None)


class Reached:
    """How clients come to an agent: `direct` is its own server, `target` that or, with RDEV_FRONT=1, the front of a
    laptop, which is started when it is first asked for."""
    front = None
    job_name = "lab"

    @property
    def target(self):
        if FRONT and self.front is None:
            self.front = Front(self.direct.host_key, self.key, self.endpoint, self.job_name, self.direct.user)
        return self.front.target if self.front else self.direct

    def end_front(self):
        if self.front:
            self.front.end()


class Agent(Reached):
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
        self.direct = Target(port=self.port, host_key=line[3], key=self.key, user=user)
        self.endpoint = f"tcp:127.0.0.1:{self.port}"

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

    def end(self):
        """However it stands. A sanitizer build ends by itself, so that it can tell of its leaks."""
        self.end_front()
        if SANITIZED and self.process.argv[0] != "unshare" and self.process.popen.poll() is None:
            self.stop()
        self.process.kill()
        report = re.search(r"ERROR: \w+Sanitizer.*|runtime error:.*", self.process.output, re.DOTALL)
        assert not report, report[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class ConfiguredAgent(Reached):
    """`serve --config`, reached through `stdio --config`; ends with the test."""

    def __init__(self, test, *command, wrap=(), options=(), env=None, directory=None, **values):
        self.key = make_key(tempfile.mkdtemp())
        self.path, self.values = config.write(self.key, directory, **values)
        tail = ["--", *command] if command else []
        self.process = Process(*wrap, program("rdev-agent"), "serve", "--config", self.path, *options, *tail, env=env)
        test.addCleanup(Agent.end, self)
        proxy = f"ProxyCommand {program('rdev-agent')} stdio --config {self.path}"
        self.direct = Target(port=22, host_key=config.host_key(self.values["host_seed"]), key=self.key,
                             options=(proxy,))
        self.endpoint, self.job_name = f"unix:{self.values['socket']}", self.values["job_name"]

    stop = Agent.stop

    def up(self):
        eventually(lambda: Path(self.values["socket"]).exists() or self.process.popen.poll() is not None,
                   "the agent's socket is there")
        return self

    def call(self, word, *options, **how):
        return run(program("rdev-agent"), word, "--config", self.path, *options, **how)
