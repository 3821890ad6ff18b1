"""What a job's link is made of on this machine: its processes, sockets and what they cost."""
import json
import os
import re
import socket
from pathlib import Path

from lab.client import agents, rdev, rdev_json
from lab.proc import eventually, processes


def link_processes(job):
    return set(processes(f" link-process {job}"))


def holders(job):
    return set(processes(f" holder {job}"))


def link_pid(job):
    """Of the link, which is started and up."""
    if not link_processes(job):
        rdev("exec", job, "--", "true")
    return eventually(lambda: up_link(job), f"the link of {job} is up")


def up_link(job):
    status = rdev_json("status", job)
    return status["link_state"] == "up" and status["link_pid"]


def agent_pid():
    """Of the one agent of this place: not its helpers, which it executes under other names."""
    (pid,) = [p for p, line in agents().items() if not line.startswith(("docker", "unshare"))]
    return pid


def socket_inodes(pid):
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(fd))
        except FileNotFoundError:
            continue
        if match:
            found.add(match[1])
    return found


def unix_sockets(pid):
    """[(path, listening, connected)] of the process's named unix sockets."""
    inodes = socket_inodes(pid)
    rows = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    return [(row[7], row[3] == "00010000", row[5] == "03") for row in rows if len(row) > 7 and row[6] in inodes]


def listening_paths(pid):
    return [path for path, listening, _ in unix_sockets(pid) if listening]


def connections_at(pid, path):
    """How many peers are connected to the process's socket there."""
    return sum(name == path and connected for name, _, connected in unix_sockets(pid))


def tcp_connections(pid):
    """Established TCP connections of a process: {(local port, remote port)}."""
    inodes = socket_inodes(pid)
    rows = [line.split() for table in ("tcp", "tcp6")
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return {tuple(int(row[i].split(":")[1], 16) for i in (1, 2)) for row in rows
            if row[3] == "01" and row[9] in inodes}


def forward(name, *argv, **how):
    """The tunnels that were added."""
    return json.loads(rdev("forward", "--json", name, *argv, **how).text)["tunnels"]


def tunnels(name):
    return rdev_json("forward", name, "--list")["tunnels"]


def pss_kb(pid):
    """The process's own share of memory."""
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])


def reset_peak(pid):
    """VmHWM counts from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def connects(port, host="127.0.0.1"):
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=10):
            return True
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:
        return True  # so quick to break it off
