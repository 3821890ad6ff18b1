"""A job, a stock sshd and an iperf3 server on the other side of an emulated line."""
import contextlib
import json
import os
import signal
from pathlib import Path

from bench.agent import CIPHER, wait_for, wait_for_port

JOB = "far"
AGENT_PORT = 2222  # in the container
BRIDGE, GATEWAY = "10.231.77.0/24", "10.231.77.1"  # of lab.docker
# A line of 1 Gbit/s and 167 ms has 21 MB on the way; what receives keeps as much again while it reorders.
# What a connection has learned of the line is not forgotten between two measurements.
SETTINGS = ("net.ipv4.tcp_rmem=4096 131072 134217728", "net.ipv4.tcp_wmem=4096 16384 134217728",
            "net.ipv4.tcp_slow_start_after_idle=0")


class Far:
    """`with Far() as far`: the line is fast until it is told otherwise with shape()."""

    def __enter__(self):
        from lab import docker, images
        from lab.client import rdev
        from lab.netem import Link
        from lab.sshd import Sshd
        with contextlib.ExitStack() as stack:
            self.line = stack.enter_context(Link())
            for host in (self.line.laptop, self.line.job):
                host.run("sysctl", "-qw", *SETTINGS)
            with self.line.job.socket() as s:
                port = s.getsockname()[1]
            engine = docker.Dockerd(tcp=f"{self.line.job.address}:{port}", host=self.line.job)
            stack.callback(engine.stop)
            images.load("busybox")
            rdev("ssh-config", "--install")
            rdev("up", JOB, "--cluster", "docker", "--image", "lab/busybox:1", "--publish", self.line.job.address)
            stack.callback(rdev, "down", JOB, code=None)
            inside = self._without_docker_proxy(docker.inspect(docker.container_of(JOB)))
            for wrap in ((), self.line.job.wrap, inside):
                self._keep_order(wrap)
            self.sshd = Sshd(host=self.line.job)
            stack.callback(self.sshd.stop)
            self._serve(stack)
            rdev("exec", JOB, "--", "true")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        # Whatever was measured last: the end takes its time on a slow line.
        self.shape(0)
        return self._stack.__exit__(*error)

    def _without_docker_proxy(self, container):
        """The engine has no iptables here, so its published port is a process that copies, which costs more CPU
        than the agent: packets are routed to the container instead. What goes before an argv that shall run there."""
        self.line.job.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.route()
        inside = ("nsenter", f"--net=/proc/{container['State']['Pid']}/ns/net", "--")
        self.line.laptop.run(*inside, "sysctl", "-qw", *SETTINGS)
        # As the line's other routes.
        self.line.laptop.run(*inside, "ip", "route", "replace", "default", "via", GATEWAY, "congctl", "cubic")
        address = container["NetworkSettings"]["IPAddress"]
        (record,) = Path(os.environ["RDEV_HOME"]).rglob(f"jobs/{JOB}/job.json")
        known = json.loads(record.read_text())
        known["endpoints"] = [f"tcp:{address}:{AGENT_PORT}"]
        record.write_text(json.dumps(known))
        return inside

    def _keep_order(self, wrap):
        """As a network card does, one processor takes all packets of a connection. Else that is whichever the sender
        was on, and TCP takes what overtakes on a virtual device for a loss."""
        mask = (1 << min(os.cpu_count(), 32)) - 1
        every = f"for q in /sys/class/net/*/queues/rx-*; do echo {mask:x} >$q/rps_cpus; done"
        self.line.laptop.run(*wrap, "unshare", "--mount", "sh", "-ec",
                             f"mount -t sysfs none /sys; mount -o remount,rw /sys; {every}")

    def route(self):
        """From the laptop to the containers: anew when the laptop has another address."""
        self.line.laptop.run("ip", "route", "replace", BRIDGE, "dev", "wan0", "src", self.line.laptop.address, "congctl", "cubic")

    def _serve(self, stack):
        """What the tunnels lead to: one iperf3 server for everybody."""
        from lab import web
        from lab.client import rdev
        self.served = web.free_port()
        argv = ("iperf3", "--server", "--bind", self.line.job.address, "--port", str(self.served), "--forceflush")
        stack.enter_context(self.line.job.start(*argv)).wait_for("Server listening")
        target = f"{self.line.job.address}:{self.served}"
        answer = rdev("forward", "--json", JOB, "-L", f"0:{target}").text
        self.port = json.loads(answer)["tunnels"][0]["bound_port"]
        self.peer_port = web.free_port()
        self._peer_options = (*CIPHER, "-N", "-L", f"127.0.0.1:{self.peer_port}:{target}")
        self._peer = stack.enter_context(contextlib.ExitStack())
        self._connect_peer()

    def _connect_peer(self):
        self._peer.close()
        peer = self._peer.enter_context(self.sshd.target.start(options=self._peer_options))
        wait_for_port(self.peer_port, peer)

    def connect_anew(self):
        """The link and the peer's connection: TCP leaves its slow start early on a line that was short when they were made."""
        from lab.link import link_pid
        os.kill(link_pid(JOB), signal.SIGKILL)
        link_pid(JOB)
        self._connect_peer()

    def shape(self, rtt_ms, rate="0", queue_ms=100):
        self.line.cut(0)
        self.line.tell("rate", rate)
        self.line.tell("queue", f"{queue_ms}ms")
        self.line.tell("large", int(rate.endswith("gbit")))
        self.line.tell("rtt", f"{rtt_ms}ms")

    @contextlib.contextmanager
    def master(self):
        """The options that make ssh use a ControlMaster to the peer."""
        from lab.ssh import control_path
        path = control_path()
        with self.sshd.target.start(options=(*CIPHER, "-M", "-N", "-S", path)):
            wait_for(Path(path).exists, "the master")
            yield ("-S", path)
