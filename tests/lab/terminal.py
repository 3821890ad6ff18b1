"""A pseudo-terminal with somebody before it."""
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl

from lab.proc import PATIENCE


class Terminal:
    """A program on a pseudo-terminal of ours, as a person sits before it."""

    def __init__(self, *argv, rows=24, columns=80):
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes_before = self.modes()
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        preexec_fn=self._take_terminal)
        os.close(slave)
        self.seen = ""

    @staticmethod
    def _take_terminal():
        os.setsid()
        ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text):
        os.write(self.master, text.encode())

    def resize(self, rows, columns):
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, pattern, timeout=10):
        """Waits for the pattern after what was matched before."""
        end = time.monotonic() + timeout * PATIENCE
        while not (match := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
        self.seen = self.seen[match.end():]
        return match

    def modes(self):
        """As the program left them: raw or as a shell likes them."""
        return termios.tcgetattr(self.master)

    def wait(self, timeout=10):
        """The exit code; what is still printed is read, so that nothing waits for us."""
        end = time.monotonic() + timeout * PATIENCE
        while self._read(max(end - time.monotonic(), 0)):
            pass
        try:
            return self.process.wait(max(end - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} still runs: {self.seen!r}") from None

    def _read(self, seconds):
        """Whether something came within that time; the terminal closes with its last process."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
