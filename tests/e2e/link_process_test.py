"""The link process: one a job, whoever asks for it and whatever is killed."""
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
from pathlib import Path

from lab import docker, images, web
from lab.client import RDEV_HOME, agents, jobs, rdev, rdev_json, ssh, start, up
from lab.link import (agent_pid, connections_at, connects, holders, link_pid, link_processes, listening_paths,
                      tcp_connections)
from lab.proc import PATIENCE, eventually, processes, program, run
from lab.sshd import Sshd
from lab.terminal import Terminal


def setUpModule():
    global pages
    rdev("ssh-config", "--install")
    pages = unittest.enterModuleContext(web.pages())


def kill_link(name):
    for pid in link_processes(name):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not link_processes(name), "the link process is gone")


def socket_of(name):
    """The agent's socket of a `local` job."""
    return next(e for e in rdev_json("status", name)["endpoints"] if e.startswith("unix:")).removeprefix("unix:")


class OneForAll(unittest.TestCase):
    def test_ten_at_once_start_one(self):
        up(self, "ten")
        for _ in range(3):
            kill_link("ten")
            running = [start("exec", "ten", "--", "sh", "-c", f"echo {i}") for i in range(10)]
            for i, process in enumerate(running):
                with process:
                    self.assertEqual((process.wait(30), process.output), (0, f"{i}\n"))
            self.assertEqual(len(link_processes("ten")), 1)
            self.assertEqual(connections_at(agent_pid(), socket_of("ten")), 1)

    def test_windows_are_one_connection(self):
        up(self, "windows")
        windows = [subprocess.Popen(["ssh", "-o", "BatchMode=yes", "rdev-windows", "echo ready; cat"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(6)]
        for window in windows:
            self.assertEqual(window.stdout.readline(), b"ready\n")
        with start("exec", "windows", "--", "sh", "-c", "echo ready; sleep 1000") as process:
            process.wait_for("ready")
            self.assertEqual(connections_at(agent_pid(), socket_of("windows")), 1)
            self.assertEqual(len(link_processes("windows")), 1)
        for window in windows:
            window.communicate(timeout=10)
            self.assertEqual(window.returncode, 0)

    def test_windows_are_one_connection_to_a_container(self):
        engine = docker.Dockerd()
        self.addCleanup(engine.stop)
        images.load("busybox")
        up(self, "boxed", "--cluster", "docker", "--image", "lab/busybox:1")
        with start("exec", "boxed", "--", "sh", "-c", "echo ready; sleep 1000") as one, \
                start("exec", "boxed", "--", "sh", "-c", "echo ready; sleep 1000") as two:
            one.wait_for("ready")
            two.wait_for("ready")
            self.assertEqual(ssh("boxed", "echo hi").text, "hi\n")
            self.assertEqual(len(tcp_connections(agent_pid())), 1, rdev("logs", "boxed", "--link").text)

    def test_direct_goes_without_it(self):
        up(self, "direct")
        kill_link("direct")
        proxy = subprocess.Popen([program("rdev"), "proxy", "--direct", "direct"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.assertRegex(proxy.stdout.readline(), rb"^SSH-2\.0-rdev_")
        self.assertEqual(link_processes("direct"), set())
        proxy.communicate()


class Killed(unittest.TestCase):
    def test_next_command_works_and_ports_stay(self):
        up(self, "killed")
        tunnel = json.loads(rdev("forward", "--json", "killed", "-L", f"0:127.0.0.1:{pages}").text)["tunnels"][0]
        port, holder = tunnel["bound_port"], holders("killed")
        refused, stop = [], threading.Event()

        def watch():
            while not stop.is_set():
                if not connects(port):
                    refused.append(time.monotonic())
                time.sleep(0.002)

        def fetched():
            try:
                return web.get(port, "3") == b"xxx"
            except (ConnectionError, urllib.error.URLError, http.client.HTTPException):
                return False  # it came while the link was just gone

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for _ in range(3):
                os.kill(link_pid("killed"), signal.SIGKILL)
                self.assertEqual(rdev("exec", "killed", "--", "echo", "on").text, "on\n")
                eventually(fetched, "the tunnel goes on")
        finally:
            stop.set()
            watcher.join()
        self.assertEqual(refused, [])
        self.assertEqual(holders("killed"), holder)

    def test_a_stopped_one_is_waited_for_no_longer_than_needed(self):
        """A link process that hangs must not hang every command for ever."""
        up(self, "hangs")
        pid = link_pid("hangs")
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: pid in processes() and os.kill(pid, signal.SIGCONT))
        began = time.monotonic()
        done = rdev("exec", "hangs", "--", "true", code=None, timeout=60)
        self.assertLess(time.monotonic() - began, 45 * PATIENCE)
        self.assertTrue(done.code == 0 or done.errors.startswith("rdev: "), done)

    def test_a_killed_agent_is_told(self):
        up(self, "agentless")
        link_pid("agentless")
        began = time.monotonic()
        os.kill(agent_pid(), signal.SIGKILL)
        status = eventually(lambda: (s := rdev_json("status", "agentless"))["link_state"] != "up"
                            and s["state"] != "running" and s, "status tells", timeout=10)
        self.assertLess(time.monotonic() - began, 10 * PATIENCE)
        self.assertTrue(status["link_reason"] or status["reason"], status)
        eventually(lambda: not link_processes("agentless"), "the link ends with the job", timeout=20)


class Socket(unittest.TestCase):
    def test_only_this_user(self):
        up(self, "mine")
        (path,) = listening_paths(link_pid("mine"))
        path = Path(path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        # Even where the file system lets somebody in, the peer's uid is looked at.
        for parent in [path.parent, *path.parents]:
            parent.chmod(parent.stat().st_mode | 0o755)
        path.chmod(0o666)
        ask = "\n".join(["import socket, sys", "s = socket.socket(socket.AF_UNIX)", "s.connect(sys.argv[1])",
                         "s.settimeout(10)", "s.sendall(bytes.fromhex('00000000 43 00 00 00 0000000000000000'))",
                         "print(len(s.recv(100)))"])
        asking = ["/usr/bin/python3", "-c", ask, path]
        self.assertGreater(int(run(*asking).text), 16)  # this user gets its status
        other = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"]
        done = run(*other, *asking, code=None)
        self.assertTrue(done.text == "0\n" or "ConnectionResetError" in done.errors or "BrokenPipe" in done.errors, done)
        rdev("exec", "mine", "--", "true")


class Ends(unittest.TestCase):
    def test_with_down(self):
        up(self, "down")
        rdev("exec", "down", "--", "true")
        rdev("down", "down")
        self.assertEqual(link_processes("down"), set())
        self.assertEqual([p for p in RDEV_HOME.rglob("*down*") if p.suffix != ".lock"], [])

    def test_with_the_lifetime(self):
        up(self, "short", "--ttl", "3s")
        rdev("exec", "short", "--", "true")
        eventually(lambda: not agents(), "the job ends")
        eventually(lambda: not link_processes("short"), "the link ends with it", timeout=20)
        done = rdev("exec", "short", "--", "true", code=255)
        self.assertIn("short", done.errors)
        self.assertEqual(link_processes("short"), set())

    def test_log(self):
        up(self, "logged")
        rdev("exec", "logged", "--", "true")
        self.assertTrue(rdev("logs", "logged", "--link").text.strip())
        self.assertNotIn("PRIVATE", rdev("logs", "logged", "--link").text)
        with start("logs", "logged", "--link", "--follow") as log:
            log.wait_for(r"\S")
            before = len(log.output)
            kill_link("logged")
            rdev("exec", "logged", "--", "true")
            eventually(lambda: len(log.output) > before, "the log goes on with the next one")

    def test_status_starts_nothing(self):
        up(self, "calm")
        kill_link("calm")
        status = rdev_json("status", "calm")
        self.assertIsNone(status["link_pid"])
        self.assertEqual(status["link_state"], "none")
        self.assertEqual(link_processes("calm"), set())


class Heartbeat(unittest.TestCase):
    def test_in_status(self):
        up(self, "beats", "--ttl", "1h")
        rdev("exec", "beats", "--", "true")
        beat = eventually(lambda: rdev_json("status", "beats")["heartbeat"], "the first heartbeat")
        self.assertLess(abs(beat["time_unix_ms"] / 1000 - time.time()), 30)
        self.assertGreaterEqual(beat["load"], 0)
        self.assertGreater(beat["memory_used"], 1 << 20)
        self.assertGreaterEqual(beat["memory_limit"], 0)
        self.assertLess(beat["uptime_s"], 60)
        self.assertTrue(3000 < beat["remaining_s"] <= 3600, beat)
        self.assertLess(beat["age_ms"], 7000)
        status = rdev_json("status", "beats")
        self.assertEqual((status["link_state"], status["link_reason"], status["tunnels"]), ("up", "", 0))
        self.assertEqual({status["link_pid"]}, link_processes("beats"))
        rtt = eventually(lambda: rdev_json("status", "beats")["rtt_ms"], "a round trip", timeout=15)
        self.assertLess(rtt, 1000)
        # They go on by themselves.
        later = eventually(lambda: (b := rdev_json("status", "beats")["heartbeat"])["time_unix_ms"]
                           > beat["time_unix_ms"] and b, "the next one", timeout=15)
        self.assertGreaterEqual(later["uptime_s"], beat["uptime_s"])

    def test_no_end_no_remaining(self):
        up(self, "endless", "--ttl", "none")
        rdev("exec", "endless", "--", "true")
        beat = eventually(lambda: rdev_json("status", "endless")["heartbeat"], "the first heartbeat")
        self.assertIsNone(beat.get("remaining_s"))


class Lifetime(unittest.TestCase):
    def test_extend(self):
        up(self, "longer", "--ttl", "1h")
        before = rdev_json("status", "longer")["ends_unix_s"]
        answer = rdev_json("extend", "longer", "2h")
        after = rdev_json("status", "longer")["ends_unix_s"]
        self.assertAlmostEqual(after - before, 7200, delta=5)
        self.assertIn(str(after)[:7], json.dumps(answer))
        self.assertTrue(rdev("extend", "longer", "30m").text.strip())
        eventually(lambda: (b := rdev_json("status", "longer")["heartbeat"]) and b["remaining_s"] > 12000,
                   "the agent knows", timeout=15)
        for wrong in ("", "abc", "-1h", "0s", "99999999999h"):
            rdev("extend", "longer", wrong, code=2)

    def test_extended_job_outlives_its_first_end(self):
        up(self, "saved", "--ttl", "3s")
        rdev("extend", "saved", "1h")
        time.sleep(4)
        self.assertEqual(rdev("exec", "saved", "--", "echo", "alive").text, "alive\n")

    def test_warning_in_a_terminal(self):
        up(self, "warned", "--ttl", "63s")
        with Terminal(program("rdev"), "ssh", "warned", "--", "sh", "-c", "echo ready; exec sleep 1000") as t:
            t.expect("ready")
            t.expect(r"rdev: .*\b(1 minute|one minute|60 ?s|minute)\b", timeout=20)

    def test_command_gets_time_to_clean_up(self):
        work = Path(tempfile.mkdtemp())
        up(self, "polite", "--ttl", "2s", "--env", f"WORK={work}", "--", "sh", "-c",
           'trap "echo term >$WORK/said; exit 0" TERM; echo ready >$WORK/ready; while :; do sleep 0.05; done')
        up(self, "stubborn", "--ttl", "2s", "--", "sh", "-c", 'trap "" TERM; while :; do sleep 0.0512; done')
        eventually(lambda: (work / "said").exists(), "SIGTERM comes first")
        eventually(lambda: not agents(), "the jobs end", timeout=30)
        eventually(lambda: not processes("sleep 0.0512"), "KILL comes after it")
        self.assertEqual((work / "said").read_text(), "term\n")


class Impostor:
    """A stock sshd in the place of a `local` job's agent, with the right keys: no rdev-link there."""

    def __init__(self, test, name):
        self.sshd = Sshd()
        test.addCleanup(self.sshd.stop)
        target = self.sshd.target
        record = RDEV_HOME / "state/jobs" / name / "job.json"
        known = record.parent / "known_hosts"
        value = json.loads(record.read_text())
        known.write_text(known.read_text().replace(value["host_public_key"], target.host_key))
        value["host_public_key"], value["user"] = target.host_key, "root"
        record.write_text(json.dumps(value))
        key = next(p for p in record.parent.iterdir() if p.is_file() and b"PRIVATE KEY" in p.read_bytes())
        with open(f"{target.key}.pub", "a") as authorized:
            authorized.write(run("ssh-keygen", "-y", "-f", key).text)
        path = socket_of(name)
        os.rename(path, path + ".agents")
        test.addCleanup(os.rename, path + ".agents", path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.sshd.target.port))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class OldAgent(unittest.TestCase):
    def test_is_told_with_what_to_do(self):
        up(self, "old")
        kill_link("old")
        Impostor(self, "old")
        began = time.monotonic()
        done = rdev("exec", "old", "--", "true", code=255)
        self.assertLess(time.monotonic() - began, 20 * PATIENCE)
        self.assertRegex(done.errors, r"(?m)^rdev: .*old")
        self.assertRegex(done.errors, "(?i)older|newer|version|rdev down")
        # Without the link it is reached all the same.
        proxy = subprocess.Popen([program("rdev"), "proxy", "--direct", "old"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.assertRegex(proxy.stdout.readline(), rb"^SSH-2\.0-OpenSSH")
        proxy.communicate()
        self.assertIn("old", jobs())


if __name__ == "__main__":
    unittest.main()
