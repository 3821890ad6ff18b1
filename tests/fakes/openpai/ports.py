"""Which numbers a task's ports get: the rule of versions from 1.1 on."""
import hashlib

FIRST, END = 15000, 40000


def port(pod, label, index):
    digest = hashlib.md5(f"[{pod}][{label}][{index}]".encode()).hexdigest()
    total = sum(int(digest[at:at + 12], 16) for at in (0, 12)) + int(digest[24:32], 16)
    return total % (END - FIRST) + FIRST


def ports(pod, wanted):
    """{label: "15001,15002"} for {label: count}; ssh and http come without being asked for."""
    counts = {"ssh": 1, "http": 1, **wanted}
    return {label: ",".join(str(port(pod, label, i)) for i in range(count)) for label, count in counts.items()}
