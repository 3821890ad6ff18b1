"""Many of everything at once, and nothing left of it afterwards."""
import contextlib
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

from lab.agent import Agent, spare_of
from lab.proc import SANITIZED, descriptors, eventually, in_memory, processes, status_kb
from lab.ssh import control_path

CONNECTIONS, SESSIONS = 10, 20 if SANITIZED else 100
MASTER_SESSIONS = 50 if SANITIZED else 200
FILES = 100_000


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)
    paramiko.util.log_to_file(os.devnull)


def children(pid):
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


class Footprint:
    """What the agent holds; `check` says whether it holds no more after the same once more."""

    def __init__(self):
        eventually(lambda: spare_of(agent.pid), "the spare process is started")
        self.fds, self.children, self.rss = self.now()

    @staticmethod
    def now():
        return descriptors(agent.pid), children(agent.pid), status_kb(agent.pid, "VmRSS")

    def check(self, test):
        eventually(lambda: descriptors(agent.pid) <= self.fds, "its descriptors are closed")
        eventually(lambda: children(agent.pid) <= self.children, "its children are gone")
        if not SANITIZED:
            eventually(lambda: status_kb(agent.pid, "VmRSS") < self.rss + 2048, f"its memory is back at {self.rss} kB")


class Sessions(unittest.TestCase):
    def with_footprint(self, work):
        target.ssh("true")
        fds = descriptors(agent.pid)
        work()  # warms up
        eventually(lambda: descriptors(agent.pid) <= fds, "its descriptors are closed")
        time.sleep(1)  # what the agent gives back, it gives back after a moment of rest
        footprint = Footprint()
        work()
        footprint.check(self)

    def test_200_over_one_connection(self):
        self.with_footprint(self.master)

    def master(self):
        options = ["-o", f"ControlPath={control_path()}"]
        with target.start(options=[*options, "-M", "-N"]) as master:
            eventually(lambda: os.path.exists(options[1].split("=")[1]), "the master listens")
            many = [subprocess.Popen(target.argv(f"echo {i}; exec cat", options=options), stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE) for i in range(MASTER_SESSIONS)]
            for i, one in enumerate(many):
                self.assertEqual(one.stdout.readline(), b"%d\n" % i)
            for i, one in enumerate(many):  # all of them live at once
                out, _ = one.communicate(b"last-%d" % i, timeout=30)
                self.assertEqual((one.returncode, out), (0, b"last-%d" % i))
            self.assertEqual(target.ssh("exit 7", options=options, code=7).code, 7)
            master.popen.terminate()
            master.wait()

    def test_ten_connections_of_a_hundred(self):
        self.with_footprint(self.connections)

    def connections(self):
        gate = threading.Barrier(CONNECTIONS + 1, timeout=100)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            ends = [pool.submit(self.connection, number, gate) for number in range(CONNECTIONS)]
            with contextlib.suppress(threading.BrokenBarrierError):  # its reason is one of the results
                gate.wait()
                try:
                    self.assertGreaterEqual(len(processes("lab-marks-this")), CONNECTIONS * SESSIONS)
                finally:
                    gate.wait()
            for end in ends:
                end.result()

    def connection(self, number, gate):
        try:
            self.sessions(number, gate)
        except threading.BrokenBarrierError:
            pass  # another one has failed
        except BaseException:
            gate.abort()
            raise

    def sessions(self, number, gate):
        client = target.paramiko(banner_timeout=60, auth_timeout=60)
        channels = []
        for i in range(SESSIONS):
            channel = client.get_transport().open_session(timeout=60)
            channel.exec_command(f"echo {number}.{i}; read line; echo $line; exit {i % 7}; : lab-marks-this")
            channels.append((i, channel))
        for i, channel in channels:
            self.assertEqual(channel.makefile().readline(), f"{number}.{i}\n")
        gate.wait()  # all are there
        gate.wait()  # and have been counted
        for i, channel in channels:
            channel.sendall(b"word-%d\n" % i)
        for i, channel in channels:
            self.assertEqual(channel.makefile().read(), b"word-%d\n" % i)
            self.assertEqual(channel.recv_exit_status(), i % 7)
        client.close()

    def test_short_execs_in_a_row(self):
        self.with_footprint(self.short_ones)

    def short_ones(self):
        for i in range(30):
            self.assertEqual(target.ssh(f"echo {i}").text, f"{i}\n")

    def test_a_thousand_forwards_at_once(self):
        self.with_footprint(self.forwards)

    def forwards(self):
        server = socket.create_server(("127.0.0.1", 0), backlog=1000)
        with server:
            client = target.paramiko()
            there = []
            for i in range(1000):
                channel = client.get_transport().open_channel("direct-tcpip", server.getsockname(), ("127.0.0.1", 1))
                there.append((channel, server.accept()[0]))
            for i, (channel, _) in enumerate(there):
                channel.sendall(b"%d" % i)
                channel.shutdown_write()
            for i, (_, connection) in enumerate(there):
                self.assertEqual(connection.makefile().read(), f"{i}")
                connection.sendall(b"back-%d" % i)
                connection.close()
            for i, (channel, _) in enumerate(there):
                self.assertEqual(channel.makefile().read(), b"back-%d" % i)
            client.close()


class Sftp(unittest.TestCase):
    def test_a_large_directory(self):
        directory = in_memory()
        for i in range(FILES):
            (directory / f"a-name-of-some-length-{i}").touch()
        rss = status_kb(agent.pid, "VmRSS")
        done = target.sftp(f"ls -1 -f {directory}\n", timeout=60)
        names = re.findall(r"a-name-of-some-length-\d+", done.text)
        self.assertEqual(len(set(names)), FILES)
        if not SANITIZED:
            self.assertLess(status_kb(agent.pid, "VmRSS") - rss, 4096)

    def test_a_client_that_asks_and_does_not_read(self):
        """What it asks for stays unread in its files, and its requests in its socket."""
        work = Path(tempfile.mkdtemp()) / "file"
        with open(work, "wb") as file:
            file.truncate(1 << 30)
        rss = status_kb(agent.pid, "VmRSS")
        ssh = subprocess.Popen(target.argv("sftp", options=["-s"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(ssh.kill)

        def request(kind, number, body):
            return struct.pack(">IBI", 5 + len(body), kind, number) + body

        def text(value):
            return struct.pack(">I", len(value)) + value

        ssh.stdin.write(struct.pack(">IBI", 5, 1, 3))
        ssh.stdin.write(request(3, 1, text(os.fsencode(work)) + struct.pack(">II", 1, 0)))
        ssh.stdin.flush()

        def answer():
            size, = struct.unpack(">I", ssh.stdout.read(4))
            return ssh.stdout.read(size)

        answer()
        handle = answer()[9:]
        os.set_blocking(ssh.stdin.fileno(), False)
        reads = b"".join(request(5, i, text(handle) + struct.pack(">QI", i * 32768, 32768)) for i in range(20_000))
        sent, last = 0, time.monotonic()
        while sent < len(reads) and time.monotonic() - last < 2:
            try:
                n = os.write(ssh.stdin.fileno(), reads[sent:sent + 65536])
                sent, last = sent + n, time.monotonic()
            except BlockingIOError:
                time.sleep(0.02)
        server = next(pid for pid in processes("internal-sftp"))
        if not SANITIZED:
            self.assertLess(status_kb(server, "VmHWM"), 12_000)
            self.assertLess(status_kb(agent.pid, "VmRSS") - rss, 8192)
        self.assertEqual(target.ssh("echo others-go-on").text, "others-go-on\n")
        # Nothing is lost: what was asked for in whole is answered once it reads.
        for i in range(sent // len(request(5, 0, text(handle) + bytes(12)))):
            data = answer()
            self.assertEqual((data[0], struct.unpack(">I", data[1:5])[0], len(data)), (103, i, 9 + 32768))


if __name__ == "__main__":
    unittest.main()
