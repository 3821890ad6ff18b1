"""Keystrokes at a terminal in the job, alone and beside bulk transfers of the same connection."""
import contextlib
import math
import os
import random
import select
import statistics
import subprocess
import time

from bench.far import JOB

RTT, RATE, QUEUE = 50, "100mbit", 100
# What runs beside: how many streams, which way.
LOADS = ((0, ""), (1, "into the job"), (4, "into the job"), (1, "out of the job"), (4, "out of the job"))


def measure(table, far, keys):
    from lab.proc import program
    far.shape(RTT, RATE, QUEUE)
    with far.master() as control:
        sides = (([program("rdev"), "ssh", JOB], [program("rdev"), "exec", JOB, "--", "sh", "-c"]),
                 (far.sshd.target.argv(options=("-tt", *control)), far.sshd.target.argv(options=control)))
        for streams, way in LOADS:
            ours, peer = (percentiles(terminal, bulk, streams, way, keys) for terminal, bulk in sides)
            beside = f"{streams} bulk stream{'s' * (streams > 1)} {way}" if streams else "idle"
            for name, mine, theirs, aim in zip(("p50", "p99"), ours, peer, ("", f"; aim: {RTT + 20}")):
                table.add(f"keystroke, {name}, {RTT} ms, {RATE}, {QUEUE} ms drop-tail, {beside}", mine,
                          "ControlMaster", theirs, "ms", f"{mine - RTT:+.0f} ms to the round trip{aim if streams else ''}; {keys} keys")


def percentiles(terminal, bulk, streams, way, keys):
    with contextlib.ExitStack() as stack:
        shell = stack.enter_context(Typist(terminal))
        shell.ready()
        for _ in range(streams):
            stack.enter_context(transfer(bulk, way))
        if streams:
            time.sleep(3)  # until the queue of the line is as full as it gets
        took = sorted(shell.echo() for _ in range(keys))
    return statistics.median(took), took[math.ceil(0.99 * len(took)) - 1]


@contextlib.contextmanager
def transfer(bulk, way):
    """As much as goes through, until the with-block ends."""
    command = "cat >/dev/null" if way == "into the job" else "cat /dev/zero"
    with open("/dev/zero", "rb") as zeros, open(os.devnull, "r+b") as nothing:
        process = subprocess.Popen([*bulk, command], stdin=zeros if way == "into the job" else nothing, stdout=nothing,
                                   stderr=nothing)
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Typist:
    """Before a terminal whose far end echoes what is typed."""

    def __init__(self, argv):
        from lab.terminal import Terminal
        self._terminal = Terminal(*argv)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._terminal.__exit__(*error)

    def ready(self):
        """The shell's own echo and line editor are out of the way: the far terminal driver echoes."""
        self._terminal.type("stty -icanon min 1 time 0; PS1=; echo rea''dy; exec cat >/dev/null\n")
        self._terminal.expect("ready", timeout=20)
        time.sleep(0.5)
        self._drain()

    def echo(self):
        """Milliseconds from a key to its echo."""
        time.sleep(random.uniform(0.02, 0.08))  # people do not type in step with the line
        began = time.perf_counter()
        self._terminal.type("x")
        if not select.select([self._terminal.master], [], [], 20)[0]:
            raise AssertionError("no echo within 20 s")
        took = (time.perf_counter() - began) * 1000
        self._drain()
        return took

    def _drain(self):
        while select.select([self._terminal.master], [], [], 0)[0]:
            os.read(self._terminal.master, 65536)
