"""Sessions down to their details: stock sshd and the agent pass the same tests."""
import os
import queue
import re
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from lab.agent import Agent, ConfiguredAgent
from lab.front import without_front
from lab.proc import PATIENCE, eventually, processes, run
from lab.sshd import Sshd
from lab.terminal import Terminal

CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE = 98, 99, 100
MAX_ARGUMENT = 128 * 1024  # MAX_ARG_STRLEN of Linux, with the NUL at the end


def connect(test, target):
    client = target.paramiko()
    test.addCleanup(client.close)
    return client


class Session:
    """One session channel, spoken to below what paramiko offers."""

    def __init__(self, client):
        self.channel = client.get_transport().open_session()
        self.channel.settimeout(10 * PATIENCE)
        self.ends = []  # ("exit-status", 3) or ("exit-signal", "TERM", core dumped)
        self.ended = threading.Event()
        self.replies = queue.Queue()
        self.watch(client.get_transport())

    def watch(self, transport):
        """paramiko passes over exit-signal, and closes a channel when a request is refused."""
        before = dict(transport._channel_handler_table)

        def on_request(channel, message):
            if channel is self.channel:
                self.note(type(message)(message.asbytes()))
            return before[CHANNEL_REQUEST](channel, message)

        def on_reply(code):
            def reply(channel, message):
                if channel is self.channel and self.asked:
                    self.asked -= 1
                    return self.replies.put(code == CHANNEL_SUCCESS)
                return before[code](channel, message)
            return reply

        self.asked = 0
        transport._channel_handler_table = before | {
            CHANNEL_REQUEST: on_request, CHANNEL_SUCCESS: on_reply(CHANNEL_SUCCESS),
            CHANNEL_FAILURE: on_reply(CHANNEL_FAILURE)}

    def note(self, message):
        message.get_int()  # the channel
        kind = message.get_text()
        message.get_boolean()
        if kind == "exit-status":
            self.ends.append((kind, message.get_int()))
        elif kind == "exit-signal":
            self.ends.append((kind, message.get_text(), message.get_boolean()))
        if self.ends:
            self.ended.set()

    def exec(self, command):
        self.channel.exec_command(command)
        return self

    def output(self):
        out = b""
        while block := self.channel.recv(65536):
            out += block
        return out

    def end(self):
        assert self.ended.wait(10 * PATIENCE), "no exit-status and no exit-signal"
        assert len(self.ends) == 1, self.ends
        return self.ends[0]

    def request(self, kind, body=b""):
        """A request that wants a reply; whether it succeeded."""
        import paramiko
        message = paramiko.Message()
        message.add_byte(bytes([CHANNEL_REQUEST]))
        message.add_int(self.channel.remote_chanid)
        message.add_string(kind)
        message.add_boolean(True)
        message.add_bytes(body)
        self.asked += 1
        self.channel.transport._send_user_message(message)
        return self.replies.get(timeout=10 * PATIENCE)


def ssh_string(text):
    return struct.pack(">I", len(text)) + text.encode()


class Common:
    """What holds for stock sshd holds for the agent."""

    def connect(self):
        return connect(self, self.target)

    def session(self, **how):
        return Session(connect(self, self.target.variant(**how)))

    # The environment.

    def test_names_of_the_connection(self):
        env = self.target.ssh("env").text
        connection = re.search(r"(?m)^SSH_CONNECTION=127\.0\.0\.1 (\d+) 127\.0\.0\.1 (\d+)$", env)
        client = re.search(r"(?m)^SSH_CLIENT=127\.0\.0\.1 (\d+) (\d+)$", env)
        self.assertEqual(connection.groups(), client.groups())
        self.assertEqual(int(connection[2]), self.target.port)
        self.assertNotRegex(env, "(?m)^SSH_(TTY|ORIGINAL_COMMAND|AUTH_SOCK)=")

    def test_who_one_is(self):
        env = dict(line.split("=", 1) for line in self.target.ssh("env").text.splitlines())
        home = os.environ["HOME"]
        self.assertEqual([env[name] for name in ("USER", "LOGNAME", "HOME", "SHELL", "PWD")],
                         ["root", "root", home, "/bin/bash", home])
        self.assertIn("/usr/bin", env["PATH"].split(":"))

    def test_the_terminals_name(self):
        done = self.target.ssh("tty; echo $SSH_TTY; echo $TERM; ls -l $(tty)", options=["-tt"], env={"TERM": "screen"})
        tty, named, term, line = done.text.splitlines()
        self.assertRegex(tty, r"^/dev/pts/\d+$")
        self.assertEqual((named, term), (tty, "screen"))
        self.assertRegex(line, r"^crw-(-w-|---)---.* root ")

    def test_variables_that_a_client_may_set(self):
        wanted = {"LANG": "C.UTF-8", "LC_ALL": "C", "LC_OF_LAB": "x y", "COLORTERM": "truecolor", "GIT_PROTOCOL": "version=2",
                  "GIT_AUTHOR_NAME": "A"}
        refused = {"LD_PRELOAD": "/nowhere.so", "BASH_ENV": "/nowhere", "PATH": "/nowhere", "ENV": "/nowhere"}
        options = ["-oSetEnv=" + " ".join(f'{name}="{value}"' for name, value in (wanted | refused).items())]
        env = self.target.ssh("env", options=options).text.splitlines()
        for name, value in wanted.items():
            self.assertIn(f"{name}={value}", env)
        for name, value in refused.items():
            self.assertNotIn(f"{name}={value}", env)

    def test_a_variable_that_is_not_taken_is_refused(self):
        session = self.session()
        self.assertTrue(session.request("env", ssh_string("LC_ALL") + ssh_string("C")))
        self.assertFalse(session.request("env", ssh_string("LD_PRELOAD") + ssh_string("/nowhere.so")))

    # How a session ends.

    def test_exit_status(self):
        for code in (0, 1, 127, 255):
            self.assertEqual(self.session().exec(f"exit {code}").end(), ("exit-status", code))

    def test_exit_signal(self):
        for name in ("ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"):
            with self.subTest(name):
                self.assertEqual(self.session().exec(f"ulimit -c 0; exec sh -c 'kill -{name} $$; sleep 100'").end(),
                                 ("exit-signal", name, False))

    def test_core_dumped(self):
        """As the kernel says it, which depends on its core_pattern."""
        script = "cd /tmp; ulimit -c unlimited; kill -SEGV $$; sleep 100"
        with tempfile.TemporaryDirectory() as place:
            script = script.replace("/tmp", place)
            local = subprocess.Popen(["bash", "-c", script])
            dumped = os.WCOREDUMP(os.waitpid(local.pid, 0)[1])
            self.assertEqual(self.session().exec(script).end(), ("exit-signal", "SEGV", dumped))

    def test_a_signal_from_the_client(self):
        # Not root's: with its sessions sshd has no process to send signals from.
        session = self.session(user="lab").exec("trap 'echo got it; exit 5' USR1; echo ready; while :; do sleep 0.05; done")
        self.assertEqual(session.channel.recv(6), b"ready\n")
        session.request("signal", ssh_string("USR1"))
        self.assertEqual((session.output(), session.end()), (b"got it\n", ("exit-status", 5)))

    def test_the_channel_closes_while_the_client_still_sends(self):
        with self.target.start("exit 3", stdin=subprocess.PIPE) as ssh:
            self.assertEqual(ssh.wait(), 3)

    def test_a_second_start_is_refused_and_the_first_goes_on(self):
        session = self.session().exec("read x; echo $x")
        self.assertFalse(session.request("exec", ssh_string("echo second")))
        self.assertFalse(session.request("shell"))
        session.channel.sendall(b"first\n")
        self.assertEqual((session.output(), session.end()), (b"first\n", ("exit-status", 0)))

    # What is delivered.

    def test_nothing_is_lost_when_the_command_ends_first(self):
        # As much as the pipe, the windows and the client's own pipe hold; it reads only when all is over.
        for options, last in (([], 20_000), (["-tt"], 20_000)):
            mark = tempfile.mktemp()
            with self.subTest(options), subprocess.Popen(
                    self.target.argv(f"seq {last}; : >{mark}", options=options), stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ssh:
                eventually(lambda: Path(mark).exists(), "the command has ended")
                wanted = "".join(f"{i}\n" for i in range(1, last + 1))
                self.assertEqual(ssh.stdout.read().decode().replace("\r\n", "\n"), wanted)
                self.assertEqual(ssh.wait(), 0)

    def test_short_last_words_on_a_terminal(self):
        for _ in range(20):
            self.assertEqual(self.target.ssh("printf last", options=["-tt"]).out, b"last")

    def test_output_of_what_is_left_is_waited_for(self):
        """Without a terminal the pipes count, not the process."""
        session = self.session().exec("(sleep 0.5; echo late) & echo early")
        self.assertEqual((session.output(), session.end()), (b"early\nlate\n", ("exit-status", 0)))

    # What is left behind.

    def test_a_grandchild_that_holds_the_terminal_holds_nothing_up(self):
        started = time.monotonic()
        done = self.target.ssh("trap '' HUP; setsid sleep 1234 & echo $!; exit 4", options=["-tt"], code=4)
        self.addCleanup(os.kill, int(done.text), signal.SIGKILL)
        self.assertLess(time.monotonic() - started, 8 * PATIENCE)
        eventually(lambda: int(done.text) in processes("sleep 1234"), "it lives on")

    def test_what_holds_the_pipes_outlives_the_client(self):
        with self.target.start("sleep 2233 & echo $! $$; exec cat >/dev/null", stdin=subprocess.PIPE) as ssh:
            pid, shell = map(int, ssh.wait_for(r"(?m)^(\d+) (\d+)$").groups())
            eventually(lambda: pid in processes("sleep 2233"), "it runs")
            eventually(lambda: shell in processes(), "its shell is cat by now")
            ssh.kill()
        eventually(lambda: shell not in processes(), "its session has ended")
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.assertIn(pid, processes("sleep 2233"))

    def test_closing_a_terminal_hangs_it_up(self):
        session = self.session()
        session.channel.get_pty()
        mark = Path(tempfile.mkdtemp()) / "hup"
        session.exec(f"trap 'echo hup > {mark}; exit' HUP; echo ready; while :; do sleep 0.05; done")
        self.assertEqual(session.channel.recv(5), b"ready")
        session.channel.close()
        eventually(mark.exists, "SIGHUP came")

    # Terminals.

    def test_window_change(self):
        session = self.session()
        session.channel.get_pty("xterm", 80, 24)
        session.exec("stty size; trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done")
        seen = b""
        while b"ready" not in seen:
            seen += session.channel.recv(100)
        session.channel.resize_pty(120, 50)
        self.assertEqual((seen + session.output()).split(), [b"24", b"80", b"ready", b"50", b"120"])

    def test_break(self):
        session = self.session()
        session.channel.get_pty()
        session.exec("echo ready; read x")
        self.assertEqual(session.channel.recv(5), b"ready")
        self.assertTrue(session.request("break", struct.pack(">I", 500)))
        without = self.session().exec("echo ready; read x")
        self.assertEqual(without.channel.recv(6), b"ready\n")
        self.assertFalse(without.request("break", struct.pack(">I", 500)))

    def test_modes_come_before_the_first_byte(self):
        """As a client sets them that wants no echo and no CR (RFC 4254 section 8)."""
        session = self.session()
        modes = b"".join(bytes([code]) + struct.pack(">I", value) for code, value in ((53, 0), (72, 0), (3, 0x15))) + b"\0"
        self.assertTrue(session.request("pty-req", ssh_string("vt100") + struct.pack(">IIII", 80, 24, 0, 0) +
                                        struct.pack(">I", len(modes)) + modes))
        session.exec("stty -a | grep -o ' erase = [^;]*'")
        self.assertEqual(session.output(), b" erase = ^U\n")

    # Long command lines.

    def test_command_lines_up_to_the_kernels_limit(self):
        client = self.connect()
        for size, fits in ((120_000, True), (MAX_ARGUMENT - 1, True), (MAX_ARGUMENT, False), (200_000, False), (11_000, True)):
            with self.subTest(size):
                session = Session(client)
                command = "true #" + "x" * (size - 6)
                session.exec(command)
                errors = session.channel.makefile_stderr().read()
                self.assertEqual(session.end(), ("exit-status", 0 if fits else self.TOO_LONG))
                self.assertRegex(errors, b"^$" if fits else self.SENTENCE)
        self.assertEqual(Session(client).exec("echo intact").output(), b"intact\n")

    # Shells.

    def test_login_shells(self):
        home = Path(os.environ["HOME"])
        (home / ".bash_profile").write_text("export FROM_PROFILE=yes\n")
        self.addCleanup((home / ".bash_profile").unlink)
        with Terminal(*self.login.argv()) as t:
            t.type("echo \"<$0>\" $FROM_PROFILE $-; shopt -q login_shell && echo is-''login; exit 6\n")
            t.expect(r"<-bash> yes \S*i")
            t.expect("is-login")
            self.assertEqual(t.wait(), 6)
        self.assertEqual(self.login.ssh("shopt login_shell; echo $0 $FROM_PROFILE", code=0).text.split(),
                         ["login_shell", "off", "bash"])
        done = self.login.ssh(options=["-T"], input=b"echo $0 $FROM_PROFILE\n")
        self.assertEqual(done.text.splitlines()[-1], "-bash yes")

    def test_the_message_of_the_day(self):
        home = Path(os.environ["HOME"])
        motd = Path(tempfile.mkdtemp()) / "motd"
        motd.write_text("Welcome to the lab.\nBe kind.\n")
        run("mount", "--bind", motd, "/etc/motd")
        self.addCleanup(run, "umount", "/etc/motd")
        with Terminal(*self.target.argv()) as t:
            t.expect(r"Welcome to the lab\.\r\nBe kind\.\r\n")
            t.type("exit\n")
            self.assertEqual(t.wait(), 0)
        for done in (self.target.ssh("echo ready", options=["-tt"]),
                     self.target.ssh(options=["-T"], input=b"echo ready\n")):
            self.assertNotIn("Welcome", done.text)
        (home / ".hushlogin").touch()
        self.addCleanup((home / ".hushlogin").unlink)
        with Terminal(*self.target.argv()) as t:
            t.type("echo rea''dy; exit\n")
            t.wait()
            self.assertIn("ready", t.seen)
            self.assertNotIn("Welcome", t.seen)


@without_front
class StockSshd(Common, unittest.TestCase):
    """Shows that the tests are true."""
    TOO_LONG, SENTENCE = 1, b"Argument list too long"

    @classmethod
    def setUpClass(cls):
        peer = Sshd(lines=["AcceptEnv LANG LC_* COLORTERM GIT_*"])
        cls.addClassCleanup(peer.stop)
        cls.target = cls.login = peer.target


class OfTheAgent(Common, unittest.TestCase):
    TOO_LONG, SENTENCE = 126, b"^rdev: .*Argument list too long.*send it on stdin instead"

    @classmethod
    def setUpClass(cls):
        agent = Agent(env={"SSH_TTY": "/dev/pts/99", "SSH_ORIGINAL_COMMAND": "of the one who started the agent"})
        cls.addClassCleanup(agent.end)
        cls.target = agent.target
        cls.with_login = ConfiguredAgent(cls.Late(cls), login_shell=1).up()
        cls.login = cls.with_login.target

    class Late:
        """Where ConfiguredAgent expects a test."""

        def __init__(self, tests):
            self.addCleanup = tests.addClassCleanup

    def test_a_job_that_ends_says_when(self):
        target = ConfiguredAgent(self, lifetime_seconds=7260, job_name="train").up().target
        with Terminal(*target.argv()) as t:
            t.expect(r"rdev: train ends in 2 h 1 min\r\n")
            t.type("exit\n")
            t.wait()


if __name__ == "__main__":
    unittest.main()
