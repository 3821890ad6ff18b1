#!/usr/bin/python3
"""bench/run.py [--quick] [--write]: what rdev costs, each number beside a peer's of the same run.

Peers: OpenSSH's sshd and `ssh -L` on the same loopback, `docker run -d` + `docker exec` on the same
engine. Rounds of the two alternate, so that what the machine does meanwhile hits both. Medians. --write puts the
table into RESULTS.md. It runs in lab/run.py's place, with the programs in RDEV_BIN (build/bin).
"""
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MIB = 1 << 20


def outside(argv):
    env = {"RDEV_TEST_TIMEOUT": "900"} | os.environ
    return subprocess.run([sys.executable, HERE.parent / "lab/run.py", __file__, *argv], env=env,
                          check=False).returncode


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


def start_and_weight(table, rounds):
    from lab.agent import Agent
    from lab.proc import program, status_kb
    from lab.sshd import Sshd
    ours, peer = [], []
    for _ in range(rounds):
        with Agent() as agent:
            ours.append((agent.listening_at - agent.started_at) * 1000)
        sshd = Sshd()
        peer.append((sshd.listening_at - sshd.started_at) * 1000)
        sshd.stop()
    table.add("from fork to listening", statistics.median(ours), "sshd", statistics.median(peer), "ms",
              "aim: 20 ms")
    stripped = Path(tempfile.mkdtemp()) / "agent"
    shutil.copy(program("rdev-agent"), stripped)
    subprocess.run(["strip", stripped], check=True)
    table.add("size on disk", stripped.stat().st_size / 1e6, "sshd, dynamic", Path("/usr/sbin/sshd").stat().st_size / 1e6,
              "MB", "stripped; static, with its libraries; aim: 6.5 MB")
    with Agent() as agent:
        sshd = Sshd()
        for target in (agent.target, sshd.target):
            target.ssh("true")
        table.add("RSS, idle after a session", status_kb(agent.pid, "VmRSS") / 1000, "sshd's listener",
                  status_kb(sshd.process.pid, "VmRSS") / 1000, "MB", "aim: 10 MB")
        sshd.stop()


def sessions(table, rounds):
    from lab.agent import Agent
    from lab.client import rdev, ssh
    from lab.sshd import Sshd
    rdev("ssh-config", "--install")
    rdev("up", "bench")
    sshd = Sshd()
    with Agent() as agent:
        ours, raw, peer = alternate(rounds, lambda: ssh("bench", "true"), lambda: agent.target.ssh("true"),
                                    lambda: sshd.target.ssh("true"))
        table.add("`ssh rdev-NAME true`, job on `local`", ours, "sshd by TCP", peer, "ms", "through the link (`rdev proxy --raw`)")
        table.add("`ssh HOST true`, agent by TCP", raw, "sshd by TCP", peer, "ms")
        throughput(table, max(rounds // 8, 2), agent.target, sshd.target)
    sshd.stop()
    rdev("down", "bench")


def throughput(table, rounds, ours, peer):
    size = 1024 * MIB
    cipher = ["-c", "aes128-gcm@openssh.com"]

    def up(target):
        with subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE) as source:
            subprocess.run(target.argv("cat >/dev/null", options=cipher), stdin=source.stdout, check=True)

    def down(target):
        subprocess.run(target.argv(f"head -c {size} /dev/zero", options=cipher), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)

    for name, way in (("into the job", up), ("out of the job", down)):
        mine, theirs = alternate(rounds, lambda way=way: way(ours), lambda way=way: way(peer))
        table.add(f"1 GiB through exec, {name}", size / MIB / mine * 1000, "sshd", size / MIB / theirs * 1000, "MiB/s",
                  "aes128-gcm, OpenSSH's client")


def tunnels(table, rounds):
    """iperf3 through `rdev forward -L` and through stock `ssh -L` to stock sshd."""
    from lab import web
    from lab.client import rdev
    from lab.proc import Process
    from lab.sshd import Sshd
    sshd = Sshd()
    rdev("up", "bench")
    served, peer_port = web.free_port(), web.free_port()
    cipher = ("-c", "aes128-gcm@openssh.com")
    with Process("iperf3", "--server", "--bind", "127.0.0.1", "--port", str(served), "--forceflush") as server, \
            sshd.target.start(options=(*cipher, "-N", "-L", f"127.0.0.1:{peer_port}:127.0.0.1:{served}")) as peer:
        server.wait_for("Server listening")
        answer = rdev("forward", "--json", "bench", "-L", f"0:127.0.0.1:{served}").text
        ours_port = json.loads(answer)["tunnels"][0]["bound_port"]
        wait_for_port(peer_port, peer)

        def gbit(port, connections, direction):
            argv = ["iperf3", "--client", "127.0.0.1", "--port", str(port), "--json", "--time", "3", "--omit", "1",
                    "--parallel", str(connections), *direction]
            for _ in range(4):  # through `ssh -L`, iperf3's own last message is now and then lost in its hang-up
                answer = json.loads(subprocess.run(argv, capture_output=True, check=False, timeout=60).stdout)
                if "error" not in answer:
                    return answer["end"]["sum_received"]["bits_per_second"] / 1e9
                print(f"iperf3 at port {port}, once more: {answer['error']}", file=sys.stderr)
            raise AssertionError("iperf3 failed four times")

        for name, direction in (("into the job", ()), ("out of the job", ("--reverse",))):
            for connections in (1, 8):
                took = [(gbit(ours_port, connections, direction), gbit(peer_port, connections, direction))
                        for _ in range(rounds)]
                ours, theirs = (statistics.median(column) for column in zip(*took))
                table.add(f"tunnel, {connections} connection{'s' * (connections > 1)}, {name}", ours, "`ssh -L`", theirs,
                          "Gbit/s", f"{ours / theirs:.2f} times; aim: 1.2; loopback, aes128-gcm, iperf3")
    rdev("down", "bench")
    sshd.stop()


def wait_for_port(port, process):
    """Without connecting: iperf3 would take that for a client."""
    from lab.proc import eventually
    listening = f":{port:04X} 00000000:0000 0A"
    eventually(lambda: listening in Path("/proc/net/tcp").read_text(), f"{process.argv[0]} listens")


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


def on_docker(table, rounds):
    from lab import docker, images
    from lab.client import rdev, ssh
    from lab.proc import run
    engine = docker.Dockerd()
    try:
        images.load("busybox")
        image = "lab/busybox:1"

        def ours():
            rdev("up", "bench", "--cluster", "docker", "--image", image)

        def bare():
            run("docker", "run", "-d", "--name", "bench-bare", image, "/lab/app")
            run("docker", "exec", "bench-bare", "true")

        took = {"ours": [], "bare": [], "down": [], "rm": []}
        for i in range(rounds + 1):
            for key, action in (("ours", ours), ("down", lambda: rdev("down", "bench")), ("bare", bare),
                                ("rm", lambda: run("docker", "rm", "-fv", "bench-bare"))):
                value = ms(action)
                if i > 0:
                    took[key].append(value)
        mine, theirs, down, remove = (statistics.median(took[k]) for k in ("ours", "bare", "down", "rm"))
        table.add("`rdev up` on docker, warm image", mine, "`docker run -d` + `docker exec`", theirs, "ms",
                  f"{mine - theirs:+.0f} ms; aim: at most +700 ms")
        table.add("`rdev down` on docker", down, "`docker rm -fv`", remove, "ms")
        rdev("up", "bench", "--cluster", "docker", "--image", image)
        session, execs = alternate(rounds, lambda: ssh("bench", "true"),
                                   lambda: run("docker", "exec", docker.container_of("bench"), "true"))
        table.add("`ssh rdev-NAME true`, job on docker", session, "`docker exec`", execs, "ms")
        container = docker.container_of("bench")
        warm, execs = alternate(rounds * 2, lambda: rdev("exec", "bench", "--", "true"),
                                lambda: run("docker", "exec", container, "true"))
        table.add("`rdev exec true`, warm, job on docker", warm, "`docker exec`", execs, "ms")
        rdev("down", "bench")
    finally:
        engine.stop()


def machine():
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.split(",")[0]
    docker = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True).stdout.split(",")[0]
    return f"{cpu}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; {ssh}; {docker}"


def main(argv):
    unknown = set(argv) - {"--quick", "--write"}
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    quick = "--quick" in argv
    table = Table()
    start_and_weight(table, 5 if quick else 20)
    sessions(table, 4 if quick else 30)
    on_docker(table, 2 if quick else 12)
    tunnels(table, 1 if quick else 5)
    many_streams(table)
    far_away(table, 3 if quick else 15)
    text = (f"# Results\n\nMedians of one run of `./dev bench`, each beside its peer.\n{machine()}.\n\n{table.text()}")
    print(text)
    if "--write" in argv:
        (HERE / "RESULTS.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(outside(sys.argv[1:]))
