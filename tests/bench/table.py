"""What every bench uses: rounds of a thing beside its peer, and the table of the results."""
import statistics
import sys
import time

MIB = 1 << 20


def ms(action):
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def alternate(rounds, *actions):
    """The median of each action in milliseconds, after one round that does not count."""
    took = [[] for _ in actions]
    for i in range(rounds + 1):
        for series, action in zip(took, actions):
            value = ms(action)
            if i > 0:
                series.append(value)
    return [statistics.median(series) for series in took]


def beside(ours, peer, aim=None):
    """How many times faster ours is, both in a unit where less is better."""
    return f"{peer / ours:.2f} times" + (f"; aim: {aim}" if aim else "")


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, peer_name, peer, unit, note=""):
        if isinstance(ours, float):
            ours, peer = f"{ours:.1f} {unit}", f"{peer:.1f} {unit}" if peer is not None else "-"
        self.rows.append((what, ours, f"{peer} ({peer_name})" if peer_name else "-", note))
        print("  ".join(self.rows[-1]), file=sys.stderr)

    def text(self):
        lines = ["| what | rdev | peer | note |", "|---|---|---|---|"]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in self.rows]) + "\n"
