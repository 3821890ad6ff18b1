"""Forwards of the agent's SSH server with OpenSSH's ssh; what is OpenSSH's behaviour is shown against
stock sshd as well. lent_agents_test.py has agent forwarding."""
import os
import re
import resource
import socket
import threading
import unittest

from lab import exchange, web
from lab.agent import Agent, ConfiguredAgent
from lab.front import without_front
from lab.exchange import MEGABYTES, Server, connect, new_path, read_all, refuses, sha
from lab.proc import descriptors, eventually, needs_tool, run
from lab.ssh import control_path
from lab.ssh_agent import SshAgent
from lab.sshd import Sshd

PATIENT = ["-v", "-N", "-o", "ExitOnForwardFailure=yes"]


def setUpModule():
    global agent, sshd
    agent = Agent()
    unittest.addModuleCleanup(agent.end)
    sshd = Sshd(lines=["GatewayPorts clientspecified"])
    unittest.addModuleCleanup(sshd.stop)


class Case(unittest.TestCase):
    def start(self, *options, ready, target=None):
        ssh = (target or self.target()).start(options=[*PATIENT, *options])
        self.addCleanup(ssh.kill)
        ssh.wait_for(ready)
        return ssh

    def local(self, server, kind):
        """ssh -L of a port or a path to what `server` listens on; where to connect to."""
        here = web.free_port() if kind == "port" else new_path()
        self.start("-L", f"{self.written(here)}:{server.spec}", ready="Entering interactive session")
        return here

    def remote(self, server, kind, host="127.0.0.1"):
        here = web.free_port() if kind == "port" else new_path()
        self.start("-R", f"{self.written(here, host)}:{server.spec}", ready="remote forward success for")
        return here

    def written(self, address, host="127.0.0.1"):
        return f"{host}:{address}" if isinstance(address, int) else address

    def check_both_ways(self, server_of, forward):
        """10 MB both ways, and each direction half-closed while the other goes on."""
        server = server_of(exchange.answer_after_end)
        with connect(forward(server)) as s:
            s.sendall(MEGABYTES)
            s.shutdown(socket.SHUT_WR)
            answer = read_all(s)
        self.assertEqual(answer[:64].decode(), sha(MEGABYTES))
        self.assertEqual(sha(answer[64:]), sha(MEGABYTES))
        server = server_of(exchange.speak_first)
        with connect(forward(server)) as s:
            self.assertEqual(sha(read_all(s)), sha(MEGABYTES))
            s.sendall(b"after your end" * 1000)
        self.assertEqual(server.result(), sha(b"after your end" * 1000))


class Peers:
    """What holds for both servers."""

    def test_local_and_remote_of_ports_and_paths(self):
        for way in (self.local, self.remote):
            for from_kind in ("port", "path"):
                for to_kind in ("port", "path"):
                    with self.subTest(way=way.__name__, listens=from_kind, target=to_kind):
                        self.check_both_ways(
                            lambda serve, to=to_kind: Server(self, serve, 0 if to == "port" else new_path("t")),
                            lambda server, way=way, kind=from_kind: way(server, kind))

    def test_remote_port_0_is_told(self):
        server = Server(self, exchange.echo)
        ssh = self.start("-R", f"0:{server.spec}", ready="Allocated port")
        port = int(re.search(r"Allocated port (\d+) for remote forward", ssh.output)[1])
        with connect(port) as s:
            s.sendall(b"there and back")
            self.assertEqual(s.recv(100), b"there and back")

    def test_remote_dynamic(self):
        needs_tool("curl")
        port = web.free_port()
        self.start("-R", f"{port}", ready="remote forward success")
        with web.pages() as server:
            out = run("curl", "-sS", "--noproxy", "", "--socks5-hostname", f"127.0.0.1:{port}",
                      f"http://localhost:{server}/4321").out
        self.assertEqual(len(out), 4321)

    def test_bind_addresses(self):
        server = Server(self, exchange.echo)
        # written by the user: (who may connect, who may not)
        cases = {"": (["127.0.0.1", "::1"], ["127.0.0.2"]),
                 "localhost:": (["127.0.0.1", "::1"], ["127.0.0.2"]),
                 "127.0.0.2:": (["127.0.0.2"], ["127.0.0.1", "::1"]),
                 "[::1]:": (["::1"], ["127.0.0.1"]),
                 "0.0.0.0:": (["127.0.0.1", "127.0.0.2"], ["::1"]),
                 "*:": (["127.0.0.1", "127.0.0.2", "::1"], [])}
        for written, (open_to, closed_to) in cases.items():
            with self.subTest(written):
                port = web.free_port()
                self.start("-R", f"{written}{port}:{server.spec}", ready="remote forward success")
                for host in open_to:
                    with connect(port, host) as s:
                        s.sendall(b"x")
                        self.assertEqual(s.recv(1), b"x", host)
                for host in closed_to:
                    self.assertTrue(refuses(port, host), host)

    def test_a_taken_place_is_refused(self):
        for taken in (Server(self, exchange.echo), Server(self, exchange.echo, new_path())):
            with self.subTest(where := taken.spec):
                done = self.target().ssh(options=[*PATIENT, "-R", f"{where}:127.0.0.1:1"], code=255)
                self.assertRegex(done.errors, "remote .*forwarding failed for listen p")

    def test_the_same_place_twice_on_one_connection(self):
        port = web.free_port()
        # ssh itself would not ask twice for the same words.
        done = self.target().ssh(options=[*PATIENT, "-R", f"{port}:127.0.0.1:1", "-R", f"127.0.0.1:{port}:127.0.0.1:2"],
                                 code=255)
        self.assertRegex(done.errors, "remote port forwarding failed")

    def test_what_listens_ends_with_its_connection(self):
        port = web.free_port()
        ssh = self.start("-R", f"{port}:127.0.0.1:1", ready="remote forward success")
        self.assertFalse(refuses(port))
        ssh.kill()
        eventually(lambda: refuses(port), "nobody listens any more")

    def test_cancelling(self):
        server, place = Server(self, exchange.echo), new_path()
        control = control_path()
        options = ["-o", f"ControlPath={control}"]
        master = self.target().start(options=[*options, "-M", "-N"])
        self.addCleanup(master.kill)
        eventually(lambda: os.path.exists(control), "the master listens")

        def ask(what, *forward):
            return run("ssh", "-F", self.target().config, *options, "-O", what, *forward, "agent").text.strip()

        port = int(ask("forward", "-R", f"0:{server.spec}"))
        ask("forward", "-R", f"{place}:{server.spec}")
        before = [connect(port), connect(place)]
        for s in before:
            s.sendall(b"1")
            self.assertEqual(s.recv(1), b"1")
        ask("cancel", "-R", f"0:{server.spec}")
        ask("cancel", "-R", f"{place}:{server.spec}")
        eventually(lambda: refuses(port) and refuses(place), "nobody listens any more")
        for s in before:  # what was connected goes on
            with s:
                s.sendall(b"2")
                self.assertEqual(s.recv(1), b"2")
        ask("forward", "-R", f"{port}:{server.spec}")
        with connect(port) as s:
            s.sendall(b"3")
            self.assertEqual(s.recv(1), b"3")

    def test_jump(self):
        far = Sshd()
        self.addCleanup(far.stop)
        near = self.target()
        config = near.directory / "jump"
        config.write_text(near.config.read_text() + far.target.config.read_text().replace("Host agent", "Host far"))
        done = run("ssh", "-F", config, "-J", "agent", "far", "echo $SSH_CONNECTION")
        self.assertIn(f" {far.target.port}\n", done.text)

    def test_a_refused_target_is_told(self):
        done = self.target().ssh(options=["-W", f"127.0.0.1:{web.free_port()}"], code=None)
        self.assertNotEqual(done.code, 0)
        self.assertRegex(done.errors, "(?i)connect failed|Connection refused")

class WithAgent(Peers, Case):
    def target(self):
        return agent.target


@without_front
class WithSshd(Peers, Case):
    def target(self):
        return sshd.target


class ManyChannels(Case):
    def target(self):
        return agent.target

    def test_1000_at_once_and_nothing_leaks(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = Server(self, exchange.echo)
        before = descriptors(agent.pid)
        for kind in ("port", "path"):
            with self.subTest(kind):
                here = self.local(server, kind)
                open_ones = [connect(here) for _ in range(1000)]
                for i, s in enumerate(open_ones):
                    s.sendall(str(i).encode())
                for i, s in enumerate(open_ones):
                    self.assertEqual(s.recv(100), str(i).encode())
                self.assertGreaterEqual(descriptors(agent.pid), before + 1000)
                for s in open_ones:
                    s.close()
                eventually(lambda: descriptors(agent.pid) <= before + 8, "the connections are gone")
        self.doCleanups()
        eventually(lambda: descriptors(agent.pid) <= before, "nothing is left")

    def test_1000_through_a_remote_forward(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = Server(self, exchange.echo)
        before = descriptors(agent.pid)
        here = self.remote(server, "port")
        open_ones = [connect(here) for _ in range(1000)]
        for i, s in enumerate(open_ones):
            s.sendall(str(i).encode())
        for i, s in enumerate(open_ones):
            self.assertEqual(s.recv(100), str(i).encode())
            s.close()
        self.doCleanups()
        eventually(lambda: descriptors(agent.pid) <= before, "nothing is left")


class Lost(Case):
    """A client that is lost breaks its connections off: half a request is no whole one."""

    def target(self):
        return agent.target

    def test_towards_a_server(self):
        got = threading.Event()

        def half(s):
            data = s.recv(100)
            got.set()
            return data + read_all(s)

        server = Server(self, half)
        here = web.free_port()
        ssh = self.start("-L", f"{here}:{server.spec}", ready="Entering interactive session")
        with connect(here) as s:
            s.sendall(b"half a request")
            self.assertTrue(got.wait(20))
            ssh.kill()
        self.assertRaises(ConnectionResetError, server.result)

    def test_towards_a_client(self):
        server = Server(self, exchange.echo)
        here = web.free_port()
        ssh = self.start("-R", f"{here}:{server.spec}", ready="remote forward success")
        with connect(here) as s:
            s.sendall(b"x")
            self.assertEqual(s.recv(1), b"x")
            ssh.kill()
            self.assertRaises(ConnectionResetError, s.recv, 1)


class Denied(Case):
    def test_all_of_it(self):
        denying = ConfiguredAgent(self, deny=[1, 2, 3, 4]).up().target
        server, path = Server(self, exchange.echo), Server(self, exchange.echo, new_path())
        done = denying.ssh(options=["-W", server.spec], code=255)
        self.assertRegex(done.errors, "administratively prohibited: the job's configuration denies connections to TCP")
        here = web.free_port()
        ssh = self.start("-L", f"{here}:{path.spec}", ready="Entering interactive session", target=denying)
        with connect(here) as s:
            self.assertEqual(s.recv(1), b"")
        ssh.wait_for("administratively prohibited: the job's configuration denies connections to unix sockets")
        for where in (str(web.free_port()), new_path()):
            done = denying.ssh(options=[*PATIENT, "-R", f"{where}:{server.spec}"], code=255)
            self.assertRegex(done.errors, "remote .*forwarding failed")
        out = denying.ssh("echo sock=$SSH_AUTH_SOCK", options=SshAgent(self).options).text
        self.assertEqual(out, "sock=\n")

    def test_without_a_config(self):
        with Agent("--deny", "local-tcp") as agent:
            server = Server(self, exchange.echo)
            done = agent.target.ssh(options=["-W", server.spec], code=255)
            self.assertRegex(done.errors, "administratively prohibited")
            self.start("-R", f"0:{server.spec}", ready="remote forward success", target=agent.target)

    def test_each_by_itself(self):
        denying = ConfiguredAgent(self, deny=[2]).up().target
        server = Server(self, exchange.answer_after_end)
        done = denying.ssh(options=["-W", server.spec], input=b"still allowed")
        self.assertTrue(done.out.startswith(sha(b"still allowed").encode()))
        denying.ssh(options=[*PATIENT, "-R", f"0:{server.spec}"], code=255)
        self.start("-R", f"{new_path()}:{server.spec}", ready="remote forward success", target=denying)


if __name__ == "__main__":
    unittest.main()
