"""Processes: run one to its end, or start one and wait for what it prints."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SANITIZED = bool(os.environ.get("RDEV_SANITIZE"))
LONG = bool(os.environ.get("RDEV_LONG"))
# Of what has a longer form (tests/long/link.sh).
SECONDS = int(os.environ.get("RDEV_SECONDS", "60"))
# Sanitizers are slow, and real clusters (lab/pai.py) pull images; a limit is for a hang, not a measurement.
ON_A_CLUSTER = bool(os.environ.get("RDEV_PAI_URL"))
PATIENCE = 20 if ON_A_CLUSTER else 4 if SANITIZED else 1
# Between two looks at what nothing announces; a real server counts them.
PAUSE = 1.0 if ON_A_CLUSTER else 0.02
PLACE = Path(os.environ.get("RDEV_LAB", "/nonexistent"))


def program(name):
    """A program under test."""
    return str(Path(os.environ["RDEV_BIN"]) / name)


def needs_tool(name):
    """`./dev setup` installs every peer: one that is missing is a failure, never a silent skip."""
    if not shutil.which(name):
        raise AssertionError(f"{name} is not installed: ./dev setup does it")
    return name


def only_if(wanted):
    """A decorator: the class is part of this run only if `wanted`."""
    return lambda tests: tests if wanted else None


@dataclass
class Done:
    argv: list
    code: int  # negative: the signal
    out: bytes
    err: bytes

    @property
    def text(self):
        return self.out.decode(errors="replace")

    @property
    def errors(self):
        return self.err.decode(errors="replace")

    def __str__(self):
        argv = " ".join(str(a) for a in self.argv)
        out = self.text if self.text.isprintable() or self.text.replace("\n", "").isascii() else repr(self.out[:200])
        return (f"$ {argv[:500]}\nexit {self.code}\nstdout ({len(self.out)} bytes): {out[-3000:]}\n"
                f"stderr: {self.errors[-3000:]}")


def run(*argv, input=b"", timeout=30, env=None, cwd=None, code=0, **popen):
    """Runs argv to its end; asserts the exit code unless `code` is None."""
    full = None if env is None else os.environ | env
    if isinstance(input, str):
        input = input.encode()
    p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=full, cwd=cwd, start_new_session=True, **popen)
    try:
        out, err = p.communicate(input, timeout * PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        raise AssertionError(f"no end after {timeout * PATIENCE} s:\n{Done(argv, -9, out, err)}") from None
    done = Done(list(argv), p.returncode, out, err)
    if code is not None and done.code != code:
        raise AssertionError(f"exit {done.code}, not {code}:\n{done}")
    return done


class Process:
    """A process in the background; its stdout and stderr are gathered in one text."""

    def __init__(self, *argv, env=None, stdin=subprocess.DEVNULL, **popen):
        self.argv = [str(a) for a in argv]
        full = None if env is None else os.environ | env
        self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, env=full, start_new_session=True, **popen)
        self.output = ""
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.popen.pid

    def _read(self):
        while block := os.read(self.popen.stdout.fileno(), 65536):
            with self._changed:
                self.output += block.decode(errors="replace")
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern, timeout=15):
        """The match of a regular expression in the output, as soon as it is there."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: re.search(pattern, self.output, re.MULTILINE) or self._ended, timeout * PATIENCE)
            match = re.search(pattern, self.output, re.MULTILINE)
            if not match:
                why = "it ended" if found else f"{timeout * PATIENCE} s went by"
                raise AssertionError(f"{' '.join(self.argv)}: no {pattern!r}, and {why}:\n{self.output}")
            return match

    def wait(self, timeout=15):
        """The exit code, once the process has ended and its output is read."""
        try:
            code = self.popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{' '.join(self.argv)} still runs:\n{self.output}") from None
        self._reader.join(2)
        return code

    def echoes(self, text):
        """Waits for the answer of the `cat` that it is."""
        self.popen.stdin.write(text.encode() + b"\n")
        self.popen.stdin.flush()
        self.wait_for(text)

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """Ends it and its process group, whatever state they are in."""
        for stop in (lambda: os.killpg(self.pid, signal.SIGKILL), self.popen.kill):
            try:
                stop()
            except ProcessLookupError:
                pass
        self.popen.wait()
        self._reader.join(2)
        self.popen.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def eventually(check, what, timeout=10):
    """For facts that no descriptor announces (a process gone, a file of another program's)."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        if value := check():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout * PATIENCE} s still not: {what}")
        time.sleep(PAUSE)


def settled_kb(pid, seconds=1.5):
    """What it weighs once that has not become less for so long: nothing tells when memory was given back."""
    least, since = status_kb(pid, "VmRSS"), time.monotonic()
    while time.monotonic() - since < seconds * PATIENCE:
        time.sleep(0.05)
        if (now := status_kb(pid, "VmRSS")) < least:
            least, since = now, time.monotonic()
    return status_kb(pid, "VmRSS")


def in_memory():
    """A directory in memory, which ends with the place."""
    directory = tempfile.mkdtemp()
    run("mount", "-t", "tmpfs", "-o", "size=90%", "none", directory)
    return Path(directory)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def cpu_ns(pid):
    """What all threads that it has have used: exact where cpu_ticks() would round 10 ms away."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def processes(word=""):
    """{pid: command line} of all living processes whose command line has `word`."""
    found = {}
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (directory / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if state not in "ZX" and line and word in line:
            found[int(directory.name)] = line.strip()
    return found


def parent(pid):
    """None: the process has gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


def status_kb(pid, field):
    """VmRSS, VmHWM, … in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has no {field}")


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
