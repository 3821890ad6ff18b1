"""An evil line: faults of all kinds at random times, decided by a seed."""
import contextlib
import os
import random
import signal
import sys
import threading
import time

from lab.link import link_processes

# The usual form is the same each time; the long ones (tests/long/link.sh) find what is new.
SEED = int(os.environ.get("RDEV_SEED") or (random.SystemRandom().randrange(1 << 32) if os.environ.get("RDEV_SECONDS") else 1))
PAUSE_S = 5  # between two faults, on average


class Storm(threading.Thread):
    """For as long as the `with` lasts; then the line is good again. `line`: lab.netem's; `job`: whose link process is
    killed. `count` and what is printed tell what happened."""

    def __init__(self, line, job, seed=SEED):
        super().__init__(daemon=True)
        self.line, self.job = line, job
        self.random, self.over = random.Random(seed), threading.Event()
        self.count, self.fault = {}, None
        self.faults = {
            "cut": self._cut,
            "moved": self._move,
            "moved, the old connection dead": self._move_away,
            "reset": line.reset_flows,
            "unplugged": self._unplug,
            "slow": lambda: line.tell("rate", self.random.choice(("2mbit", "20mbit", "200mbit"))),
            "link process killed": lambda: self._stop_link(signal.SIGKILL),
            "link process told to go": lambda: self._stop_link(signal.SIGTERM),
        }
        print(f"faults by RDEV_SEED={seed}", file=sys.stderr)

    def run(self):
        began = time.monotonic()
        try:
            while not self.over.wait(min(self.random.expovariate(1 / PAUSE_S), 4 * PAUSE_S)):
                what = self.random.choice(list(self.faults))
                print(f"{time.monotonic() - began:.1f} s: {what}", file=sys.stderr)
                self.faults[what]()
                self.count[what] = self.count.get(what, 0) + 1
        except Exception as error:  # the test sees it
            self.fault = error

    def _cut(self):
        direction = self.random.choice(((), (), ("up",), ("down",)))
        self.line.cut(round(self.random.uniform(0.1, 15), 1), *direction)

    def _move(self):
        old = int(self.line.laptop.address.rsplit(".", 1)[1])
        self.line.move(self.random.choice([number for number in range(10, 250) if number != old]))

    def _move_away(self):
        self.line.kill_flows()
        self._move()

    def _unplug(self):
        self.line.unplug()
        self.over.wait(self.random.uniform(0.1, 8))
        self.line.plug()

    def _stop_link(self, number):
        for pid in link_processes(self.job):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.line.cut(0)
        self.line.tell("rate", "200mbit")
        print(f"{sum(self.count.values())} faults: {self.count}", file=sys.stderr)
