"""A real dockerd of the place's own: no iptables, its own bridge, gone with the place."""
import json
import os
import tempfile
from pathlib import Path

from lab.proc import PLACE, Process, run


class Dockerd:
    """Sets $DOCKER_HOST and $DOCKER_CONFIG for everything that follows. With `tcp` it listens on
    that ADDRESS:PORT, too."""

    def __init__(self, tcp=None):
        directory = PLACE / "docker"
        directory.mkdir()
        self.socket = directory / "docker.sock"
        listen = ["-H", f"unix://{self.socket}"] + (["-H", f"tcp://{tcp}", "--tls=false"] if tcp else [])
        # The control groups go into a group of the place's name, which run.py removes.
        self.process = Process(
            "dockerd", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
            "--bip=10.231.77.1/24", f"--cgroup-parent=/{PLACE.name}", f"--data-root={directory}/root",
            f"--exec-root={directory}/exec", f"--pidfile={directory}/pid", *listen)
        os.environ["DOCKER_HOST"] = f"unix://{self.socket}"
        os.environ["DOCKER_CONFIG"] = tempfile.mkdtemp(prefix="docker-config-")
        try:
            self.process.wait_for(r"API listen on .*docker\.sock")
        except BaseException:
            self.process.kill()
            raise
        self.root = directory / "root"

    def stop(self):
        """Containers first, then the engine itself; run.py kills what does not go."""
        ids = run("docker", "ps", "-aq", code=None).text.split()
        if ids:
            run("docker", "rm", "-fv", *ids, code=None)
        self.process.popen.terminate()
        self.process.wait(20)


def docker(*argv, **how):
    return run("docker", *argv, **how)


def inspect(name):
    return json.loads(docker("inspect", name).text)[0]


def containers():
    """Ids of all, running or not."""
    return docker("ps", "-aq", "--no-trunc").text.split()


def volumes():
    return docker("volume", "ls", "-q").text.split()


def container_of(job):
    """The one container whose labels name the job."""
    found = [c for c in containers() if job in inspect(c)["Config"]["Labels"].values()]
    assert len(found) == 1, (job, found)
    return found[0]


def volume_directories(container):
    return [Path(m["Source"]) for m in inspect(container)["Mounts"] if m["Type"] == "volume"]
