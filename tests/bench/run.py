#!/usr/bin/python3
"""bench/run.py [--quick] [--write] [GROUP…]: what rdev costs, each number beside a peer's of the same run.

Groups: agent, server, docker, link, wan, costs, pai. Peers: OpenSSH's sshd and `ssh -L` on the same loopback, `docker run -d` +
`docker exec` on the same engine; for wan, which takes 20 minutes, stock ssh and iperf3 over the same emulated line. Rounds of the two alternate, so that what the machine does meanwhile hits both.
Medians. --write puts the groups measured into RESULTS.md. It runs in lab/run.py's place, with the programs in RDEV_BIN
(build/bin).
"""
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
GROUPS = ("agent", "server", "docker", "link", "wan", "costs", "pai")
HEAD = """# Results

Medians of `./dev bench`: a section is one run, each number beside its peer's.
"""
WHY = """## What misses its aim, and why

- Tunnels, 0.58 to 0.88 times instead of 1.2: a byte passes three processes of ours (holder, link, agent) and two of OpenSSH's. Per
  GB ours take 0.75 + 0.9 + 1.0 s of CPU (holder, link, agent), OpenSSH's 1.3 + 0.85 s (ssh, sshd), and the two cores of this
  machine are what both wait for: each of ours is cheaper than ssh, together they are not. The holder's hop is a unix
  socket: two copies in the kernel and its wake-ups. It was 0.55 to 0.7 times before polls, packets and credit were made
  fewer (200 system calls a MB, now 70). What is left: memory that holder and link share instead of the socket.
- `ssh -L` straight to the agent, and `sftp get`, instead of 1.3 times: ssh, sftp and iperf3 are the same on both sides and
  take most of both cores. Of a GB into the job they take 1.9 s of CPU, the agent 0.9 and sshd 0.75, half of it AES-GCM and
  most of the rest the kernel's TCP; even an agent that cost nothing could be 1.4 times as fast. It was 0.68 times before
  malloc kept a stream's buffers (75 000 page faults a GB). Of 1 GiB got with sftp the client takes 2.1 s, ours 1.5 s, sshd's
  side 1.85 s: together 1.1 times. scp both ways comes out at 1.25 to 1.5, as the run goes.
- Tunnels over loopback, 0.50 to 0.88 times instead of 1.4: as above, three processes on two cores.
- 8 streams of `ssh -L` are 8 windows of 2 MiB, so 5 times holds for one stream only.
- 167 ms into the job, 83 and 89 % of iperf3 instead of 90: why is not known for certain. Of eight other new connections seven came to
  955 Mbit/s or more, among them two that lost some 500 packets in TCP's slow start; the eighth stayed at 800 to 825 without a loss.
  cubic takes 25 s to be back where it was before a loss (RFC 9438), and its slow start may end early. iperf3's own rounds differ as
  well; the best counts here. To come: a start that grows more slowly than TCP's once the line may be full.
- Keystrokes beside one bulk stream out of the job, p99 83 ms instead of 70: two or three of 200 keys. The other three are at 62 to 69
  in this run; in the run before it was the two into the job. The median is 59 to 60 in each.
- `ssh rdev-NAME true` is 35 ms above the line instead of 30. Of the 29 ms that it takes without a line, ssh itself takes 16 on this
  machine (6.7 until it has read its configuration, 9.3 for curve25519 and ed25519, which it does not leave to OpenSSL), the user's shell
  and env(1) 2, `rdev proxy` 5.5 to its first byte, a command by `rdev exec` 5.
- A job of OpenPAI, 50 ms away. `rdev up` asks each second, for the server takes 600 calls a minute from all behind one address and has no
  way to wait; the rounds begin at seven moments of that second. What follows is two thirds of what `scp` of the agent and an `ssh true` take,
  which know at once. TCP alone takes 0.87 s for the 6.5 MB (0.52 at 100 Mbit/s, the rest slow start and two round trips). In an strace of
  one job: 1.11 s from dialling the stub to its `ok`, 0.05 of a pause, 0.1 until the agent speaks on that port, 0.27 for the handshake
  that shows whose it is. `rdev up` then makes the link, with a handshake of its own, so that the first command (57 ms) and those after it take a
  round trip. It was 3.1 s while `up` asked each 2 s and left the link to the first command.
"""


def outside(argv):
    env = {"RDEV_TEST_TIMEOUT": "4200"} | os.environ
    return subprocess.run([sys.executable, HERE.parent / "lab/run.py", __file__, *argv], env=env,
                          check=False).returncode


def measure(table, group, quick):
    from bench import agent, costs, engine, link, pai, wan
    if group == "agent":
        agent.start_and_weight(table, 5 if quick else 20)
        agent.sessions(table, 4 if quick else 30)
    elif group == "server":
        rounds = 1 if quick else 7
        agent.copies(table, rounds)
        agent.multiplexed(table, rounds)
        agent.forwards(table, rounds)
        agent.weight_of_connections(table)
    elif group == "docker":
        engine.on_docker(table, 2 if quick else 12)
    elif group == "wan":
        wan.measure(table, quick)
    elif group == "costs":
        costs.idle_links(table, 10 if quick else 100, 10 if quick else 60)
        costs.streams_at_once(table, 200 if quick else 2000)
        costs.opening(table, 3 if quick else 25)
    elif group == "pai":
        pai.measure(table, 1 if quick else 7)
    else:
        link.tunnels(table, 1 if quick else 5)
        link.many_streams(table)
        link.far_away(table, 3 if quick else 15)


def machine():
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.split(",")[0]
    docker = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True).stdout.split(",")[0]
    return f"{cpu}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; {ssh}; {docker}"


def sections():
    """What RESULTS.md has: {group: its part}."""
    parts = RESULTS.read_text().split("\n## ")[1:] if RESULTS.exists() else []
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() for part in parts}


def main(argv):
    from bench.table import Table
    groups = [word for word in argv if word in GROUPS] or GROUPS
    if set(argv) - {"--quick", "--write", *GROUPS}:
        print(__doc__, file=sys.stderr)
        return 2
    known = sections()
    for group in groups:
        table = Table()
        measure(table, group, "--quick" in argv)
        known[group] = f"{machine()}.\n\n{table.text()}"
        print(f"## {group}\n\n{known[group]}", flush=True)
    if "--write" in argv:
        parts = [f"## {group}\n\n{known[group].strip()}\n" for group in GROUPS if group in known]
        RESULTS.write_text("\n".join([HEAD, *parts, WHY]))
    return 0


if __name__ == "__main__":
    sys.exit(outside(sys.argv[1:]))
