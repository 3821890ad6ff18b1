"""A job of an OpenPAI cluster that is far away and has no agent: from RUNNING, as its server has it, to the first command's
answer. The stub takes the agent from the laptop. The peer is stock scp, which takes the same file over the same line; the floor is
a connection of TCP that does nothing else."""
import contextlib
import json
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

from bench.agent import CIPHER
from bench.table import ms

RTT, RATE, QUEUE = 50, "100mbit", 100
# `rdev up` asks the server each second whether the job runs: it begins to at another moment of it in each round.
PAUSE = 1.0


def measure(table, rounds):
    from lab.proc import program, run
    agent = program("rdev-agent")
    there = Path(tempfile.mkdtemp()) / "agent"
    with far_cluster() as (pai, sshd, line), bare_server(line, Path(agent).read_bytes()) as bare:
        def scp():
            run("scp", "-q", *CIPHER, "-F", sshd.target.config, agent, f"agent:{there}")

        took = []
        for i in range(rounds + 1):  # the first does not count
            mine = one_job(pai, PAUSE * (1 + i / rounds))
            took.append((*mine, ms(scp), ms(lambda: sshd.target.ssh("true", options=CIPHER)), ms(bare)))
        unnoticed, agent_ms, exec_ms, total, scp_ms, ssh_ms, bare_ms = (statistics.median(column) for column in zip(*took[1:]))
        worst = max(row[3] for row in took[1:])
    where = f"{RTT} ms, {RATE}"
    table.add(f"RUNNING, {where}, until `rdev up` has seen it", unnoticed, "", None, "ms", "it asks each second")
    table.add("from there until the agent answers", agent_ms, "`scp` of the agent, new connection", scp_ms, "ms",
              f"{times(agent_ms, scp_ms)}; TCP alone, the same bytes: {bare_ms:.0f}")
    table.add("then the link, by `rdev up`, and the first `rdev exec true`", exec_ms, "`ssh true`, new connection", ssh_ms, "ms", times(exec_ms, ssh_ms))
    table.add("these two together", agent_ms + exec_ms, "`scp`, then `ssh true`", scp_ms + ssh_ms, "ms",
              times(agent_ms + exec_ms, scp_ms + ssh_ms))
    table.add("RUNNING until `rdev exec true` has answered", total, "`scp`, then `ssh true`", scp_ms + ssh_ms, "ms",
              f"{times(total, scp_ms + ssh_ms)}; the worst of {rounds}: {worst:.0f}")


@contextlib.contextmanager
def far_cluster():
    """(the OpenPAI server, a stock sshd, the line), both servers on the node, on the other side of the line."""
    from lab.netem import Link
    from lab.openpai import OpenPai
    from lab.sshd import Sshd
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(Link(rtt_ms=RTT, rate=RATE, queue_ms=QUEUE))
        for host in (line.laptop, line.job):  # no connection knows what another has learned of the line
            host.run("sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1")
        sshd = Sshd(host=line.job)
        stack.callback(sshd.stop)
        pai = OpenPai(host=line.job, listen=f"{line.job.address}:0", node_ip=line.job.address)
        stack.callback(pai.stop)
        pai.join()
        yield pai, sshd, line


@contextlib.contextmanager
def bare_server(line, data):
    """What sends the data to the node by a new connection, and returns when a byte has come back."""
    def serve():
        with contextlib.suppress(OSError):
            while True:
                s, _ = listener.accept()
                with s:
                    left = len(data)
                    while left > 0 and (n := len(s.recv(1 << 20))):
                        left -= n
                    s.sendall(b"!")

    def send():
        with socket.create_connection(listener.getsockname(), timeout=60) as s:
            s.sendall(data)
            assert s.recv(1) == b"!", "it did not arrive"

    with line.job.socket() as listener:
        listener.listen()
        threading.Thread(target=serve, daemon=True).start()
        yield send
        listener.shutdown(socket.SHUT_RDWR)


def one_job(pai, waits):
    """Milliseconds: until `rdev up` knows that it runs, until the agent answers, for link and first command, and all of it."""
    from lab.client import rdev
    pai.control("delays", created=0, preparing=waits)
    up = json.loads(rdev("up", "far", "--cluster", "pai", "--json").text)
    up_at = time.time() * 1000
    exec_ms = ms(lambda: rdev("exec", "far", "--", "true"))
    done_at = time.time() * 1000
    (row,) = [row for row in pai.rows().values() if row["state"] == "RUNNING"]
    rdev("down", "far")
    agent_ms, link_ms = (float(up["stages_ms"][stage]) for stage in ("waiting for the agent", "making the link"))
    return up_at - row["launchedTime"] - agent_ms - link_ms, agent_ms, link_ms + exec_ms, done_at - row["launchedTime"]


def times(ours, peer):
    return f"{ours / peer:.2f} times as long"
