"""A slow, narrow, unreliable line to another machine, inside the place of a test.

    with Link(rtt_ms=50, rate="100mbit") as link:
        link.laptop.run("ping", "-c", "1", link.job.address)
        server = link.job.start("sshd", …)
        link.cut(3)

The laptop is the place itself (so lab.client works as it is), the job is a namespace of its own.
netem/main.cc forwards the packets; what it says with stat() tells how truthful it was."""
import ctypes
import itertools
import json
import socket
import subprocess
import threading
from pathlib import Path

from lab.proc import Process, program, run

DEVICE = "wan0"
CLONE_NEWNET = 0x40000000


class Host:
    """One end; `wrap` goes before an argv that shall run there."""

    def __init__(self, address, wrap=()):
        self.address, self.wrap = address, wrap

    def run(self, *argv, **how):
        return run(*self.wrap, *argv, **how)

    def start(self, *argv, **how):
        return Process(*self.wrap, *argv, **how)

    def socket(self, kind=socket.SOCK_STREAM):
        """A socket of this machine's, in the test's own process; bound to a free port."""
        made = []

        def make():
            if self.wrap:
                with open(self.wrap[1].removeprefix("--net="), "rb") as namespace:
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(socket.AF_INET, kind))
            made[0].bind((self.address, 0))

        thread = threading.Thread(target=make)  # a namespace is a thread's own
        thread.start()
        thread.join()
        if not made:
            raise AssertionError("no socket in that namespace")
        return made[0]

    def _ip(self, *words):
        self.run("ip", *words)


class Link:
    """`rate` in both directions ("100mbit"), `queue_ms` what the narrow point holds, `loss` in
    percent. TCP over the line uses `congestion`: what a laptop is likely to have."""

    _networks = itertools.count()

    def __init__(self, rtt_ms=0, rate=None, queue_ms=None, loss=None, seed=1, congestion="cubic", mtu=1500):
        settings = [f"rtt {rtt_ms}ms", f"seed {seed}"]
        settings += [f"rate {rate}"] if rate else []
        settings += [f"queue {queue_ms}ms"] if queue_ms else []
        settings += [f"loss {loss}%"] if loss else []
        netem = Path(program("rdev")).parent.parent / "tests/netem"
        self._congestion = congestion
        self._process = subprocess.Popen([netem, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        namespace = self._answer()
        # A network of its own: what an earlier link's connections still send finds no way into this one.
        self._network = f"10.99.{next(self._networks)}"
        self.laptop = Host(f"{self._network}.1")
        self.job = Host(f"{self._network}.2", ("nsenter", f"--net={namespace}", "--"))
        self.job._ip("link", "set", "lo", "up")
        for host in (self.laptop, self.job):
            # No IPv6 of its own: what the kernel says unasked would count as a packet of the test.
            host._ip("link", "set", DEVICE, "addrgenmode", "none")
            # Should netem be late to fetch them, packets wait instead of being lost without a count; the
            # kernel's own for IPv6 would take their turns of the seed's dice.
            host._ip("link", "set", DEVICE, "mtu", mtu, "txqueuelen", 10000, "addrgenmode", "none", "up")
            self._take_address(host, host.address)

    def _take_address(self, host, address):
        host._ip("address", "add", f"{address}/32", "dev", DEVICE)
        self._take_route(host, address)

    def _take_route(self, host, address):
        host._ip("route", "replace", f"{self._network}.0/24", "dev", DEVICE, "src", address, "congctl", self._congestion)

    def _answer(self):
        line = self._process.stdout.readline().strip()
        if not line or line.startswith("error:"):
            raise AssertionError(f"netem: {line or 'it ended'}")
        return line

    def tell(self, *words):
        """A command of netem/main.cc; its answer."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def cut(self, seconds, *direction):
        """Nothing passes for so long ("up" to the job, "down" to the laptop, or both); 0 ends it."""
        self.tell("cut", seconds, *direction)

    def kill_flows(self):
        """What is connected now is dead and does not hear of it; new connections work."""
        self.tell("killflows")

    def reset_flows(self):
        self.tell("rst")

    def stat(self):
        return json.loads(self.tell("stat"))

    def move(self, number=77):
        """The laptop has another address of the network, and no longer the old one."""
        old, self.laptop.address = self.laptop.address, f"{self._network}.{number}"
        self._take_address(self.laptop, self.laptop.address)
        self.laptop._ip("address", "del", f"{old}/32", "dev", DEVICE)

    def unplug(self):
        """The laptop's device is down: what is sent fails at once, and the route is gone."""
        self.laptop._ip("link", "set", DEVICE, "down")

    def plug(self):
        self.laptop._ip("link", "set", DEVICE, "up")
        self._take_route(self.laptop, self.laptop.address)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
