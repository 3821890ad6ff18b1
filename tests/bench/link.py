"""The link: tunnels, what many streams weigh, and a line of 50 ms."""
import contextlib
import json
import resource
import socket
import statistics
import subprocess
import sys
import time

from bench.agent import CIPHER, wait_for_port
from bench.table import alternate


def iperf(port, connections, direction, host="127.0.0.1", seconds=3, omit=1):
    """Gbit/s that arrived."""
    argv = ["iperf3", "--client", host, "--port", str(port), "--json", "--time", str(seconds), "--omit", str(omit),
            "--parallel", str(connections), *direction]
    tries = 4  # through `ssh -L`, iperf3's own last message is now and then lost in its hang-up
    end = time.monotonic() + 60
    while tries > 0 and time.monotonic() < end:
        answer = json.loads(subprocess.run(argv, capture_output=True, check=False, timeout=60).stdout)
        if "error" not in answer:
            return answer["end"]["sum_received"]["bits_per_second"] / 1e9
        if "server is busy" in answer["error"]:  # with what the last client left on a slow line
            time.sleep(0.2)
            continue
        tries -= 1
        print(f"iperf3 at port {port}, once more: {answer['error']}", file=sys.stderr)
    raise AssertionError(f"iperf3 at port {port} failed four times, or its server was busy for a minute")


@contextlib.contextmanager
def both_tunnels():
    """Three ports of loopback that lead to one iperf3 server: `rdev forward -L`, stock `ssh -L` to stock sshd, its own."""
    from lab import web
    from lab.client import rdev
    from lab.proc import Process
    from lab.sshd import Sshd
    sshd = Sshd()
    rdev("up", "bench")
    served, peer_port = web.free_port(), web.free_port()
    with Process("iperf3", "--server", "--bind", "127.0.0.1", "--port", str(served), "--forceflush") as server, \
            sshd.target.start(options=(*CIPHER, "-N", "-L", f"127.0.0.1:{peer_port}:127.0.0.1:{served}")) as peer:
        server.wait_for("Server listening")
        answer = rdev("forward", "--json", "bench", "-L", f"0:127.0.0.1:{served}").text
        wait_for_port(peer_port, peer)
        yield json.loads(answer)["tunnels"][0]["bound_port"], peer_port, served
    rdev("down", "bench")
    sshd.stop()


def tunnels(table, rounds):
    with both_tunnels() as (ours_port, peer_port, _):
        for name, direction in (("into the job", ()), ("out of the job", ("--reverse",))):
            for connections in (1, 8):
                took = [(iperf(ours_port, connections, direction), iperf(peer_port, connections, direction))
                        for _ in range(rounds)]
                ours, theirs = (statistics.median(column) for column in zip(*took))
                table.add(f"tunnel, {connections} connection{'s' * (connections > 1)}, {name}", ours, "`ssh -L`", theirs,
                          "Gbit/s", f"{ours / theirs:.2f} times; aim: 1.2; loopback, aes128-gcm, iperf3")


def many_streams(table):
    """What the three processes weigh with 500 open connections through one tunnel."""
    from lab import web
    from lab.client import rdev
    from lab.link import agent_pid, holders, link_pid, pss_kb
    from lab.proc import eventually, status_kb
    streams = 500
    rdev("up", "bench")
    with web.digests() as served:
        answer = rdev("forward", "--json", "bench", "-L", f"0:127.0.0.1:{served}").text
        port = json.loads(answer)["tunnels"][0]["bound_port"]
        pids = {"link": link_pid("bench"), "holder": next(iter(holders("bench"))), "agent": agent_pid()}
        # Both ends of every connection are this process's; rdev's own have been started with the old limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        idle = {name: (status_kb(pid, "VmRSS"), pss_kb(pid)) for name, pid in pids.items()}
        opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(streams)]
        for s in opened:
            s.sendall(bytes(10000))
        eventually(lambda: json.loads(rdev("forward", "bench", "--list", "--json").text)["tunnels"][0]["bytes_out"]
                   >= streams * 10000, "all of it is through", timeout=60)
        for name, pid in pids.items():
            table.add(f"RSS of the {name}, {streams} streams", f"{status_kb(pid, 'VmRSS') / 1000:.1f} MB", "", None, "",
                      f"Pss {pss_kb(pid) / 1000:.1f} MB; idle {idle[name][0] / 1000:.1f} MB, Pss {idle[name][1] / 1000:.1f} MB")
        for s in opened:
            s.shutdown(socket.SHUT_WR)
        for s in opened:
            assert len(s.recv(64, socket.MSG_WAITALL)) == 64, "a stream did not work"
            s.close()
    rdev("down", "bench")


def far_away(table, rounds):
    """A container engine behind an emulated line; its published port is how the link goes."""
    from lab import docker, images
    from lab.client import rdev
    from lab.netem import Link
    from lab.proc import run
    rtt = 50
    with Link(rate="1gbit") as line:
        with line.job.socket() as s:
            port = s.getsockname()[1]
        engine = docker.Dockerd(tcp=f"{line.job.address}:{port}", host=line.job)
        try:
            images.load("busybox")
            rdev("up", "far", "--cluster", "docker", "--image", "lab/busybox:1", "--publish", line.job.address)
            line.tell("rtt", f"{rtt}ms")
            container = docker.container_of("far")
            ours, peer = alternate(rounds, lambda: rdev("exec", "far", "--", "true"),
                                   lambda: run("docker", "exec", container, "true"))
            table.add(f"`rdev exec true`, warm, {rtt} ms of round trip", ours, "`docker exec`, engine by TCP", peer, "ms",
                      f"{ours - rtt:.1f} ms above the line's; aim: 15")
            rdev("down", "far")
        finally:
            engine.stop()
