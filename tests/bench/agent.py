"""The agent alone and its SSH server, beside stock sshd; the client is OpenSSH's on both sides."""
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench.table import MIB, alternate, beside

CIPHER = ("-c", "aes128-gcm@openssh.com")


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
        table.add("`ssh rdev-NAME true`, job on `local`", ours, "sshd by TCP", peer, "ms", "SSH ends on the laptop (`rdev proxy`)")
        table.add("`ssh HOST true`, agent by TCP", raw, "sshd by TCP", peer, "ms")
        throughput(table, max(rounds // 8, 2), agent.target, sshd.target)
    sshd.stop()
    rdev("down", "bench")


def throughput(table, rounds, ours, peer):
    size = 1024 * MIB
    cipher = CIPHER

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


@contextlib.contextmanager
def both():
    """(our Target, our pid), (sshd's Target, its pid), on one machine's loopback."""
    from lab.agent import Agent
    from lab.sshd import Sshd
    sshd = Sshd()
    with Agent(user="root") as agent:
        yield (agent.target, agent.pid), (sshd.target, sshd.process.pid)
    sshd.stop()


def copies(table, rounds):
    """Files both ways, large and small."""
    from lab.proc import in_memory
    shelf = in_memory()  # it is not the disk that is measured
    big = shelf / "big"
    with open(big, "wb") as file:
        subprocess.run(["head", "-c", str(1024 * MIB), "/dev/zero"], stdout=file, check=True)
    small = shelf / "small"
    for i in range(2000):
        path = small / f"d{i % 40}" / f"f{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(i % 4096))

    def fresh(name):
        shutil.rmtree(shelf / name, ignore_errors=True)
        (shelf / name).mkdir()
        return shelf / name

    def sftp(batch, target):
        subprocess.run(["sftp", "-q", *CIPHER, "-F", target.config, "-b", "-", "agent"], input=batch.encode(), check=True,
                       stdout=subprocess.DEVNULL)

    def scp(target, *words):
        subprocess.run(["scp", "-q", *CIPHER, "-F", target.config, *words], check=True, stdout=subprocess.DEVNULL)

    ways = {
        "sftp, 1 GiB, put": (lambda t: sftp(f"put {big} {shelf}/there", t), 1.3),
        "sftp, 1 GiB, get": (lambda t: sftp(f"get {big} {shelf}/here", t), 1.3),
        "scp, 1 GiB, to the job": (lambda t: scp(t, big, f"agent:{shelf}/there"), 1.3),
        "scp, 1 GiB, from the job": (lambda t: scp(t, f"agent:{big}", shelf / "here"), 1.3),
        "sftp, 2000 small files, put": (lambda t: sftp(f"put -r {small} {fresh('there-r')}", t), 0.95),
        "sftp, 2000 small files, get": (lambda t: sftp(f"get -r {small} {fresh('here-r')}", t), 0.95),
    }
    with both() as ((ours, _), (peer, _)):
        for name, (way, aim) in ways.items():
            mine, theirs = alternate(rounds, lambda way=way: way(ours), lambda way=way: way(peer))
            table.add(name, mine, "sshd", theirs, "ms", beside(mine, theirs, aim))


def multiplexed(table, rounds):
    """Many sessions over one connection, one after the other, as IDEs do."""
    from lab.ssh import control_path

    def sessions_of(target, path):
        for _ in range(200):
            subprocess.run(target.argv("true", options=("-S", path)), check=True, stdin=subprocess.DEVNULL)

    with both() as ((ours, _), (peer, _)), contextlib.ExitStack() as masters:
        paths = []
        for target in (ours, peer):
            paths.append(control_path())
            masters.enter_context(target.start(options=("-M", "-N", "-S", paths[-1])))
            wait_for(Path(paths[-1]).exists, "the master")
        mine, theirs = alternate(rounds, lambda: sessions_of(ours, paths[0]), lambda: sessions_of(peer, paths[1]))
        table.add("200 sessions over one ControlMaster", mine, "sshd", theirs, "ms", beside(mine, theirs, 0.95))


def forwards(table, rounds):
    """Stock `ssh -L` to either server, the target in the job."""
    from bench.link import iperf
    from lab import web
    from lab.proc import Process
    served = web.free_port()
    with both() as ((ours, _), (peer, _)), contextlib.ExitStack() as stack, \
            Process("iperf3", "--server", "--bind", "127.0.0.1", "--port", str(served), "--forceflush") as server:
        server.wait_for("Server listening")
        ports = []
        for target in (ours, peer):
            ports.append(web.free_port())
            client = stack.enter_context(target.start(options=(*CIPHER, "-N", "-L", f"127.0.0.1:{ports[-1]}:127.0.0.1:{served}")))
            wait_for_port(ports[-1], client)
        for name, direction in (("into the job", ()), ("out of the job", ("--reverse",))):
            took = [[iperf(port, 1, direction) for port in ports] for _ in range(rounds)]
            mine, theirs = (statistics.median(column) for column in zip(*took))
            table.add(f"`ssh -L`, {name}", mine, "to sshd", theirs, "Gbit/s", f"{mine / theirs:.2f} times; aim: 1.3")


def weight_of_connections(table):
    """What 100 idle, authenticated connections add to the server's processes."""
    from lab.link import pss_kb

    def weight(pid):
        """Of the process and all that it has started, but not of the sessions' own commands."""
        total, names = 0, ("sshd", "rdev-agent")
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if any(name in Path(f"/proc/{child}/cmdline").read_text() for name in names):
                total += weight(child)
        return total + pss_kb(pid)

    grown = []
    with both() as sides:
        for target, pid in sides:
            target.ssh("true")
            before = weight(pid)
            with contextlib.ExitStack() as open_ones:
                for _ in range(100):
                    one = open_ones.enter_context(target.start("echo up; cat >/dev/null", stdin=subprocess.PIPE))
                    one.wait_for("up")
                grown.append((weight(pid) - before) / 100)
    table.add("PSS per connection with a session that waits, of 100", grown[0], "sshd", grown[1], "kB",
              f"{grown[0] / grown[1]:.2f} of it; aim: 0.25")


def wait_for(condition, what):
    from lab.proc import eventually
    eventually(condition, what)


def wait_for_port(port, process):
    """Without connecting: iperf3 would take that for a client."""
    listening = f":{port:04X} 00000000:0000 0A"
    wait_for(lambda: listening in Path("/proc/net/tcp").read_text(), f"{process.argv[0]} listens")
