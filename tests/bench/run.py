#!/usr/bin/python3
"""bench/run.py [--quick] [--write] [GROUP…]: what rdev costs, each number beside a peer's of the same run.

Groups: agent, server, docker, link. Peers: OpenSSH's sshd and `ssh -L` on the same loopback, `docker run -d` +
`docker exec` on the same engine. Rounds of the two alternate, so that what the machine does meanwhile hits both.
Medians. --write puts the table into RESULTS.md. It runs in lab/run.py's place, with the programs in RDEV_BIN
(build/bin).
"""
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GROUPS = ("agent", "server", "docker", "link")


def outside(argv):
    env = {"RDEV_TEST_TIMEOUT": "2400"} | os.environ
    return subprocess.run([sys.executable, HERE.parent / "lab/run.py", __file__, *argv], env=env,
                          check=False).returncode


def measure(table, group, quick):
    from bench import agent, engine, link
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


def main(argv):
    from bench.table import Table
    groups = [word for word in argv if word in GROUPS] or GROUPS
    if set(argv) - {"--quick", "--write", *GROUPS} or ("--write" in argv and groups is not GROUPS):
        print(__doc__, file=sys.stderr)
        return 2
    table = Table()
    for group in groups:
        measure(table, group, "--quick" in argv)
    text = f"# Results\n\nMedians of one run of `./dev bench`, each beside its peer.\n{machine()}.\n\n{table.text()}"
    print(text)
    if "--write" in argv:
        (HERE / "RESULTS.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(outside(sys.argv[1:]))
