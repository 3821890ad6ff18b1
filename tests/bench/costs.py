"""What links and streams cost that are only there: CPU of idle links, thousands of streams, the opening of one."""
import contextlib
import resource
import socket
import threading
import time

from bench.agent import CIPHER, wait_for_port
from bench.table import alternate


def per_cent(pids, seconds):
    """Of a core, over that time."""
    from lab.proc import cpu_ns
    before = {pid: cpu_ns(pid) for pid in pids}
    time.sleep(seconds)
    return sum(cpu_ns(pid) - used for pid, used in before.items()) / seconds / 1e7


def idle_links(table, links, seconds):
    """A job of the local cluster with a link process for each; the peer is as many connections of stock ssh which ask
    for a sign of life as often."""
    from lab.client import agents, rdev
    from lab.link import link_pid
    from lab.proc import processes
    from lab.sshd import Sshd
    names = [f"idle{i}" for i in range(links)]
    for name in names:
        rdev("up", name)
    try:
        ours = [link_pid(name) for name in names]
        mine = per_cent(ours, seconds)
        served = per_cent(agents(), seconds)
    finally:
        rdev("down", "--all", timeout=120)
    sshd = Sshd()
    with contextlib.ExitStack() as stack:
        alive = (*CIPHER, "-v", "-N", "-o", "ServerAliveInterval=5")
        peers = [stack.enter_context(sshd.target.start(options=alive)) for _ in range(links)]
        for peer in peers:
            peer.wait_for("Entering interactive session")
        theirs = per_cent([peer.pid for peer in peers], seconds)
        theirs_served = per_cent(processes("sshd: root"), seconds)
    sshd.stop()
    what = f"CPU of {links} idle links, laptop's side"
    note = f"as many link processes, by /proc/PID/schedstat over {seconds} s"
    table.add(what, f"{mine:.2f} % of a core", "`ssh -N`, ServerAliveInterval=5", f"{theirs:.2f} %", "", f"{note}; aim: 1 %")
    table.add("the same, job's side", f"{served:.2f} % of a core", "sshd", f"{theirs_served:.2f} %", "", "as many agents, vitals read for each heartbeat")


def streams_at_once(table, streams):
    """Through one tunnel: all of them open, then a byte there and back through each."""
    from lab import web
    from lab.client import rdev
    from lab.echo import Echo
    from lab.link import agent_pid, forward, holders, link_pid
    from lab.proc import threads
    from lab.sshd import Sshd
    sshd, echo, peer_port = Sshd(), Echo(), web.free_port()
    rdev("up", "many")
    try:
        with sshd.target.start(options=(*CIPHER, "-N", "-L", f"127.0.0.1:{peer_port}:127.0.0.1:{echo.port}")) as peer:
            (tunnel,) = forward("many", "-L", f"0:127.0.0.1:{echo.port}")
            pids = {"link": link_pid("many"), "holder": next(iter(holders("many"))), "agent": agent_pid()}
            wait_for_port(peer_port, peer)
            # Both ends of every connection are this process's; the others have been started with the old limit.
            resource.setrlimit(resource.RLIMIT_NOFILE, (16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            fewer = {name: threads(pid) for name, pid in pids.items()}
            count, seconds, more = through_all(tunnel["bound_port"], streams, pids)
            peers_count, peers_seconds, _ = through_all(peer_port, streams, {})
    finally:
        rdev("down", "many")
        sshd.stop()
    table.add(f"{streams} streams at once through a tunnel, that work", str(count), "`ssh -L`", peers_count, "",
              f"opened one after the other, then a byte there and back: {seconds:.1f} s in all, the peer {peers_seconds:.1f} s")
    table.add("threads with them, without", " ".join(f"{name} {more[name]}, {fewer[name]};" for name in pids).rstrip(";"), "", None, "",
              "none per stream")


def through_all(port, streams, pids):
    """How many worked, how long that took, and the processes' threads meanwhile."""
    from lab.proc import threads
    began, working = time.monotonic(), 0
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(streams)]
        for s in opened:
            with contextlib.suppress(OSError):
                s.sendall(b"x")
        for s in opened:
            with contextlib.suppress(OSError):
                working += s.recv(1) == b"x"
        return working, time.monotonic() - began, {name: threads(pid) for name, pid in pids.items()}


def greet_all(listener):
    """A server that speaks first, and then says what it hears."""
    while True:
        try:
            s, _ = listener.accept()
        except OSError:
            return
        with s, contextlib.suppress(OSError):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(b"!")
            s.sendall(s.recv(1))


def opening(table, rounds):
    """A connection to a warm tunnel over a line of 50 ms, until something has come back through it."""
    from bench.far import JOB, Far
    from lab import web
    from lab.link import forward
    rtt = 50
    with Far() as far, far.line.job.socket() as listener:
        listener.listen(100)
        threading.Thread(target=greet_all, args=(listener,), daemon=True).start()
        target = f"{far.line.job.address}:{listener.getsockname()[1]}"
        (tunnel,) = forward(JOB, "-L", f"0:{target}")
        peer_port = web.free_port()
        with far.sshd.target.start(options=(*CIPHER, "-N", "-L", f"127.0.0.1:{peer_port}:{target}")) as peer:
            wait_for_port(peer_port, peer)
            far.shape(rtt, "1gbit")
            for what, sent in (("server speaks first", b""), ("client speaks first", b"x")):
                mine, theirs = alternate(rounds, lambda sent=sent: answered(tunnel["bound_port"], sent),
                                         lambda sent=sent: answered(peer_port, sent))
                table.add(f"open to first byte, {rtt} ms, {what}", mine, "`ssh -L`", theirs, "ms",
                          f"{mine - rtt:.1f} ms above one round trip, the peer {theirs - rtt:.1f} ms; {rounds} rounds")
        listener.shutdown(socket.SHUT_RDWR)


def answered(port, sent):
    """The server's first byte; or the echo of ours, which follows it."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s, s.makefile("rb") as file:
        s.sendall(sent)
        assert file.read(1 + len(sent)) == b"!" + sent, "no answer"
