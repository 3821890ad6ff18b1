"""A real dockerd of the place's own: no iptables, its own bridge, gone with the place."""
import json
import os
import socket
import tempfile
import threading
from pathlib import Path

from lab.proc import PLACE, Process, run


class Dockerd:
    """Sets $DOCKER_HOST and $DOCKER_CONFIG for everything that follows. With `tcp` it listens on
    that ADDRESS:PORT, too; with `host` (lab.netem) it runs there, and is used by its tcp only."""

    def __init__(self, tcp=None, host=None):
        directory = Path(tempfile.mkdtemp(prefix="docker-", dir=PLACE))
        self.socket = directory / "docker.sock"
        listen = ["-H", f"unix://{self.socket}"] + (["-H", f"tcp://{tcp}", "--tls=false"] if tcp else [])
        # The control groups go into a group of the place's name, which run.py removes.
        self.process = Process(
            *(host.wrap if host else ()), "dockerd", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
            "--bip=10.231.77.1/24", f"--cgroup-parent=/{PLACE.name}", f"--data-root={directory}/root",
            f"--exec-root={directory}/exec", f"--pidfile={directory}/pid", *listen)
        os.environ["DOCKER_HOST"] = f"tcp://{tcp}" if host else f"unix://{self.socket}"
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


class SlowEngine:
    """A socket before the engine's that holds back `POST …/containers/create` until `go_on` is set,
    and delivers it also when who asked is dead by then: as a busy engine does."""

    def __init__(self, engine_socket):
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.engine_socket = str(engine_socket)
        self.path = Path(tempfile.mkdtemp(prefix="slow-")) / "docker.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self.engine_socket)
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        held = False
        while data := self._receive(source):
            if b"/containers/create" in data:
                held = True
                self.asked.set()
                self.go_on.wait()
            try:
                sink.sendall(data)
            except OSError:
                break
        if not held:  # else the engine shall answer all the same
            try:
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _receive(source):
        try:
            return source.recv(65536)
        except OSError:
            return b""
