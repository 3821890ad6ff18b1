"""A job far away: throughput, copies, single commands, and how soon a network that is back is of use. keys.py has the
keystrokes. Everything beside stock ssh to stock sshd over the same emulated line, and iperf3 without either."""
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.agent import CIPHER
from bench.far import JOB, Far
from bench.link import iperf
from bench.table import MIB, alternate, ms

RATE = "1gbit"
WAYS = (("into the job", ()), ("out of the job", ("--reverse",)))
# RTT in ms: how many seconds iperf3 leaves out while its own, new connections find the rate of the line. The tunnels'
# connection is there already, and has been warmed up.
OMIT = {20: 1, 100: 3, 167: 6}
WARM_UPS = 5


def measure(table, quick):
    from bench import keys
    rounds = 1 if quick else 3
    near(table, rounds)
    with Far() as far:
        for rtt, omit in OMIT.items():
            far.shape(rtt, RATE)
            far.connect_anew()
            throughput(table, far, rtt, rounds, omit)
        copies(table, far, rounds)
        commands(table, far, 3 if quick else 15)
        back(table, far, rounds)
        keys.measure(table, far, 10 if quick else 200)
        truth(table, far)


def near(table, rounds):
    """Loopback, without the emulator."""
    from bench.link import both_tunnels
    with both_tunnels() as (ours, peer, raw):
        for name, direction in WAYS:
            for streams in (1, 8):
                took = [[iperf(port, streams, direction, seconds=2) for port in (ours, peer, raw)] for _ in range(rounds)]
                mine, theirs, bare = (statistics.median(column) for column in zip(*took))
                table.add(f"tunnel, loopback, {count(streams)}, {name}", mine, "`ssh -L`", theirs, "Gbit/s",
                          f"{mine / theirs:.2f} times; aim: 1.4; iperf3 alone {bare:.1f}; {count(rounds, 'round')}")


def warm_up(port, direction):
    """Until it gets no faster: a congestion window grows for many seconds on a long line."""
    best = 0
    for _ in range(WARM_UPS):
        now = iperf(port, 8, direction, seconds=2, omit=0)
        if now < 1.1 * best:
            return
        best = now


def throughput(table, far, rtt, rounds, omit):
    for name, direction in WAYS:
        for port in (far.port, far.peer_port):
            warm_up(port, direction)
        for streams in (1, 8):
            took = [(iperf(far.port, streams, direction, seconds=2), iperf(far.peer_port, streams, direction, seconds=2),
                     iperf(far.served, streams, direction, far.line.job.address, 2, omit)) for _ in range(rounds)]
            mine, theirs, _ = (statistics.median(column) * 1000 for column in zip(*took))
            # What the line can carry: a round in which cubic was slow to find that out says nothing about us.
            raw = max(row[2] for row in took) * 1000
            aims = "; aim: 5 times and 90 %" if rtt >= 100 else ""
            table.add(f"tunnel, {rtt} ms, {RATE}, {count(streams)}, {name}", mine, "`ssh -L`", theirs, "Mbit/s",
                      f"{mine / theirs:.1f} times; {100 * mine / raw:.0f} % of iperf3's best, {raw:.0f}{aims}; {count(rounds, 'round')}")


def copies(table, far, rounds):
    """Stock scp through `rdev proxy` and to sshd."""
    rtt, size = 100, 128 * MIB
    far.shape(rtt, RATE)
    far.connect_anew()
    shelf = Path(tempfile.mkdtemp())
    with open(shelf / "big", "wb") as file:
        subprocess.run(["head", "-c", str(size), "/dev/zero"], stdout=file, check=True)
    ours = ("scp", "-q", "-o", "BatchMode=yes"), f"rdev-{JOB}:/tmp/there"
    peer = ("scp", "-q", *CIPHER, "-F", far.sshd.target.config), f"agent:{shelf}/there"

    def copy(command, source, target):
        subprocess.run([*command, source, target], check=True, stdout=subprocess.DEVNULL)

    for name, way in (("to the job", lambda side: copy(side[0], shelf / "big", side[1])),
                      ("from the job", lambda side: copy(side[0], side[1], shelf / "back"))):
        took = alternate(rounds, lambda way=way: way(ours), lambda way=way: way(peer))
        mine, theirs = (size / MIB / value * 1000 for value in took)
        table.add(f"scp, {size // MIB} MiB, {rtt} ms, {RATE}, {name}", mine, "sshd", theirs, "MiB/s",
                  f"{mine / theirs:.1f} times; connection and all; {count(rounds, 'round')}")


def commands(table, far, rounds):
    from lab.client import rdev, ssh
    rtt = 50
    far.shape(rtt, "100mbit")
    with far.master() as control:
        cold, warm, ours, through = alternate(
            rounds, lambda: far.sshd.target.ssh("true"), lambda: far.sshd.target.ssh("true", options=control),
            lambda: rdev("exec", JOB, "--", "true"), lambda: ssh(JOB, "true"))
    table.add(f"`rdev exec true`, {rtt} ms", ours, "`ssh`, ControlMaster", warm, "ms",
              f"{ours - rtt:.1f} ms above the line's; {count(rounds, 'round')}")
    table.add(f"`ssh rdev-NAME true`, {rtt} ms", through, "`ssh`, new connection", cold, "ms",
              f"{through / rtt:.1f} round trips beside {cold / rtt:.1f}; {count(rounds, 'round')}")


def back(table, far, rounds):
    """From the moment the network is back to the first byte of a new command; the peer is a new connection of ssh, begun
    at that moment."""
    from lab.client import rdev
    rtt, silence = 50, 12
    far.shape(rtt, "100mbit")

    def works():
        while rdev("exec", JOB, "--", "echo", "back", code=None, timeout=90).text != "back\n":
            time.sleep(0.01)

    def fresh():
        far.sshd.target.ssh("echo", "back")

    def another_address(number):
        """The laptop has changed networks: what was connected is dead, and the kernel says so."""
        far.line.move(number)
        far.route()
        return ms(works), ms(fresh)

    def silent_cut():
        far.line.cut(600)
        time.sleep(silence)
        far.line.cut(0)
        return ms(works), ms(fresh)

    events = [another_address(100 + i) for i in range(rounds)]
    cuts = [silent_cut() for _ in range(rounds)]
    for name, took, limit in (("after a change of address", events, 8 * rtt + 300), (f"after a silent cut of {silence} s", cuts, 1500)):
        mine, theirs = (statistics.median(column) for column in zip(*took))
        table.add(f"first byte, {rtt} ms, {name}", mine, "`ssh`, new connection", theirs, "ms",
                  f"aim: {limit}; the worst of {rounds}: {max(column[0] for column in took):.0f}")


def truth(table, far):
    """How well the emulator kept its word during all of this."""
    for way, counters in far.line.stat().items():
        print(f"the line, {way}: {counters}", file=sys.stderr)
    late = [far.line.stat()[way]["late_mean_us"] for way in ("up", "down")]
    table.add("packets late at the emulated line, mean, up", late[0], "down", late[1], "us", "of tests/lab/netem, on the same cores")


def count(number, what="stream"):
    return f"{number} {what}{'s' * (number > 1)}"
