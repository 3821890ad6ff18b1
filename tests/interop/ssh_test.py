"""OpenSSH's ssh against the agent: sessions, terminals, signals, many channels, tunnels."""
import os
import signal
import subprocess
import unittest

from lab import web
from lab.agent import Agent
from lab.proc import PATIENCE, eventually, needs_tool, processes, run
from lab.ssh import control_path
from lab.terminal import Terminal


def setUpModule():
    global agent, target
    agent = Agent(env={"RDEV_LAB_MARK": "from the job", "PATH": os.environ["PATH"]})
    target = agent.target
    unittest.addModuleCleanup(agent.end)


class Exec(unittest.TestCase):
    def test_output_and_errors_stay_apart(self):
        done = target.ssh("echo out; echo err >&2")
        self.assertEqual((done.out, done.err), (b"out\n", b"err\n"))

    def test_exit_codes(self):
        for code in (0, 1, 2, 42, 126, 127, 255):
            target.ssh(f"exit {code}", code=code)
        target.ssh("/no/such/program", code=127)
        target.ssh("/etc/passwd", code=126)

    def test_death_by_signal_is_told_apart_from_exit(self):
        done = target.ssh("kill -TERM $$", code=None, options=["-v"])
        # ssh itself ends with 255 on exit-signal; with -v it says which one.
        self.assertEqual(done.code, 255, done)
        self.assertRegex(done.errors, "exit-signal|signal TERM|killed by signal")

    def test_stdin_reaches_the_command_and_ends(self):
        self.assertEqual(target.ssh("cat", input=b"a\0b\nc").out, b"a\0b\nc")
        self.assertEqual(target.ssh("wc -c", input=b"").text.strip(), "0")

    def test_output_after_stdin_ended(self):
        self.assertEqual(target.ssh("cat >/dev/null; sleep 0.2; echo late", input=b"x").out, b"late\n")

    def test_a_command_that_does_not_read_its_stdin(self):
        target.ssh("exit 3", input=os.urandom(4 * 1024 * 1024), code=3)

    def test_the_jobs_environment_and_the_clients(self):
        out = target.ssh("env", options=["-o", "SendEnv=LC_LAB LANG", "-o", "SetEnv=LC_SET=set"],
                         env={"LC_LAB": "sent", "LANG": "C.UTF-8"}).text
        for line in ("RDEV_LAB_MARK=from the job", "LC_LAB=sent", "LC_SET=set", "LANG=C.UTF-8"):
            self.assertIn(line + "\n", out)
        self.assertRegex(out, rf"(?m)^SSH_CONNECTION=127\.0\.0\.1 \d+ 127\.0\.0\.1 {agent.target.port}$")
        for name in ("HOME", "USER", "SHELL", "PATH"):
            self.assertRegex(out, f"(?m)^{name}=.")

    def test_starts_in_home(self):
        home, cwd = target.ssh('echo "$HOME"; pwd').text.split()
        self.assertEqual(os.path.realpath(home), cwd)

    def test_long_exec_strings(self):
        for size in (11_000, 64 * 1024, 120_000):
            self.assertEqual(int(target.ssh(f"X={'x' * size}; echo ${{#X}}").text), size)

    def test_a_script_on_stdin_of_a_shell(self):
        done = target.ssh("bash", options=["-T"], input="echo one; false || echo two; exit 5\n", code=5)
        self.assertEqual(done.text, "one\ntwo\n")

    def test_shell_without_terminal(self):
        done = target.ssh(options=["-T"], input="echo in-$((40+2))\nexit 7\n", code=7)
        self.assertIn("in-42\n", done.text)

    def test_background_processes_outlive_the_connection(self):
        out = target.ssh("sleep 4321 >/dev/null 2>&1 </dev/null & echo $!", timeout=10).text
        pid = int(out)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        # In the middle of its execve(2) it has no command line.
        eventually(lambda: pid in processes("sleep 4321"), "it lives on")

    def test_hangup_ends_what_waits_for_stdin(self):
        with target.start("echo $$; exec cat", stdin=subprocess.PIPE) as ssh:
            pid = int(ssh.wait_for(r"^(\d+)$")[1])
            ssh.kill()
        eventually(lambda: pid not in processes(), "cat ends when its client is gone")


class Terminals(unittest.TestCase):
    def test_exec_with_pty(self):
        done = target.ssh("tty; echo $TERM; stty size; test -t 0 && test -t 1 && test -t 2",
                          options=["-tt"], env={"TERM": "xterm-256color"})
        self.assertRegex(done.text, r"/dev/pts/\d+\r\nxterm-256color\r\n")

    def test_exit_code_with_pty(self):
        target.ssh("exit 9", options=["-tt"], code=9)

    def test_interactive_shell_window_and_control_c(self):
        with Terminal(*target.argv(), rows=31, columns=97) as t:
            t.type("stty size; echo shell-$((6*7))\n")
            t.expect(r"31 97\r\n")
            t.expect("shell-42")
            t.resize(50, 120)
            # The change travels beside the bytes: ask until it has arrived.
            t.type("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo resi''zed\n")
            t.expect("resized")
            t.type("sleep 1000; echo status-$?\n")
            t.expect("sleep 1000")
            eventually(lambda: processes("sleep 1000"), "sleep runs")
            t.type("\x03")
            eventually(lambda: not processes("sleep 1000"), "^C ends it")
            t.type("exit 3\n")
            self.assertEqual(t.process.wait(10 * PATIENCE), 3)

    def test_shell_is_interactive_and_not_login(self):
        with Terminal(*target.argv()) as t:
            t.type("echo flags=$-; shopt -q login_shell && echo is-login || echo not''-login\n")
            t.expect(r"flags=\S*i")
            t.expect("not-login")

    def test_script_records_a_session(self):
        needs_tool("script")
        done = run("script", "-qec", " ".join(target.argv("-tt", "echo via-script; exit 4")), "/dev/null",
                   code=4)
        self.assertIn(b"via-script", done.out)

    def test_losing_the_client_hangs_up_the_terminal(self):
        with Terminal(*target.argv("-tt", "echo ready; exec sleep 2345")) as t:
            t.expect("ready")
            eventually(lambda: processes("sleep 2345"), "it runs")
        eventually(lambda: not processes("exec sleep 2345") and not processes("sleep 2345"),
                   "hang-up ends it")

    def test_echo_is_the_terminals_business(self):
        with Terminal(*target.argv("-tt", "stty -echo; echo ready; cat -A")) as t:
            t.expect("ready")
            t.type("s3cret\n")
            t.expect(r"s3cret\$\r\n")
            self.assertNotIn("s3cret", t.seen)
            t.type("\x04")
            self.assertEqual(t.process.wait(10 * PATIENCE), 0)


class ManyChannels(unittest.TestCase):
    def test_control_master(self):
        path = control_path()
        options = ["-o", f"ControlPath={path}"]
        master = target.start(options=[*options, "-M", "-N"])
        self.addCleanup(master.kill)
        eventually(lambda: os.path.exists(path), "the master listens")
        for i in range(20):
            self.assertEqual(target.ssh(f"echo {i}", options=options).text, f"{i}\n")
        many = [target.start(f"echo start-{i}; cat", options=options, stdin=subprocess.PIPE)
                for i in range(8)]
        for i, one in enumerate(many):
            one.wait_for(f"start-{i}")
        for one in many:
            one.popen.stdin.close()
            self.assertEqual(one.wait(), 0)
        run("ssh", "-F", target.config, *options, "-O", "exit", "agent")
        master.wait()

    def test_keepalives_are_answered(self):
        with target.start("echo up; sleep 3; echo still-up",
                          options=["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"]) as ssh:
            ssh.wait_for("still-up")
            self.assertEqual(ssh.wait(), 0)

    def test_rekey_in_the_middle(self):
        done = target.ssh("cat", input=b"k" * 3_000_000, options=["-o", "RekeyLimit=512K"])
        self.assertEqual(len(done.out), 3_000_000)


class Tunnels(unittest.TestCase):
    def forward(self, server_port):
        port = web.free_port()
        ssh = target.start(options=["-v", "-N", "-o", "ExitOnForwardFailure=yes", "-L",
                                    f"127.0.0.1:{port}:127.0.0.1:{server_port}"])
        self.addCleanup(ssh.kill)
        ssh.wait_for(r"Entering interactive session")
        return port

    def test_http(self):
        with web.pages() as server:
            port = self.forward(server)
            for size in (0, 1, 100_000, 5_000_000):
                self.assertEqual(len(web.get(port, size)), size)

    def test_half_close(self):
        import hashlib
        data = os.urandom(1_500_000)
        with web.digests() as server:
            port = self.forward(server)
            self.assertEqual(web.digest_through(port, data), hashlib.sha256(data).hexdigest())

    def test_stdio_forward(self):
        import hashlib
        with web.digests() as server:
            done = target.ssh(options=["-W", f"127.0.0.1:{server}"], input=b"hello")
        self.assertEqual(done.text, hashlib.sha256(b"hello").hexdigest())

    def test_names_and_ipv6(self):
        import socket
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
        self.addCleanup(server.close)
        for host in ("[::1]", "localhost"):
            with self.subTest(host), target.start(options=["-W", f"{host}:{server.getsockname()[1]}"]) as ssh:
                connection, _ = server.accept()
                connection.sendall(b"hello\n")
                connection.close()
                ssh.wait_for("hello")

    def test_nobody_listens(self):
        done = target.ssh(options=["-W", f"127.0.0.1:{web.free_port()}"], code=None)
        self.assertNotEqual(done.code, 0)
        self.assertRegex(done.errors, "(?i)refused|open failed")

    def test_dynamic_forward(self):
        needs_tool("curl")
        port = web.free_port()
        with web.pages() as server:
            ssh = target.start(options=["-v", "-N", "-o", "ExitOnForwardFailure=yes", "-D", f"127.0.0.1:{port}"])
            self.addCleanup(ssh.kill)
            ssh.wait_for(r"Entering interactive session")
            out = run("curl", "-sS", "--noproxy", "", "--socks5-hostname", f"127.0.0.1:{port}",
                      f"http://localhost:{server}/1234").out
        self.assertEqual(len(out), 1234)

    def test_what_is_not_served_is_refused_and_the_connection_lives(self):
        done = target.ssh("echo alive", options=["-X"], env={"DISPLAY": ":99"}, code=None)
        self.assertIn(b"alive", done.out, done)


if __name__ == "__main__":
    unittest.main()
