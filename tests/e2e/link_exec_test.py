"""`rdev exec` over the link: bytes, exit codes, words, signals; the same on `local` and on docker."""
import hashlib
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from lab import docker, images
from lab.client import agents, rdev, start, up
from lab.link import agent_pid, link_pid, reset_peak
from lab.proc import LONG, PATIENCE, SANITIZED, eventually, processes, program, run, status_kb

MIB = 1 << 20
BULK = 64 * MIB if SANITIZED else 1024 * MIB
CALM_KB = 32 * 1024


def setUpModule():
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")


class Client(subprocess.Popen):
    """Ends with its block, also when that fails."""

    def __exit__(self, *exception):
        self.kill()
        super().__exit__(*exception)


def bulk_file():
    """BULK bytes that no offset mistake survives: (path, SHA-256)."""
    path = Path(tempfile.gettempdir()) / "bulk"
    if not path.exists():
        with open(path, "wb") as file:
            for i in range(BULK // (4 * MIB)):
                file.write(hashlib.shake_128(b"%d" % i).digest(MIB) * 4)
    return path, run("sha256sum", path).text.split()[0]


def written(pid):
    """Bytes that a process has written so far."""
    return int(next(line for line in Path(f"/proc/{pid}/io").read_text().splitlines()
                    if line.startswith("wchar:")).split()[1])


def settled(value, what):
    """The value once it does not change for a second."""
    last, since = value(), time.monotonic()
    end = since + 20 * PATIENCE
    while time.monotonic() < since + 1:
        time.sleep(0.05)
        if (now := value()) != last:
            last, since = now, time.monotonic()
        if since > end:
            raise AssertionError(f"{what} goes on: {last}")
    return last


class Cases:
    """What holds everywhere."""
    name = None
    options = ()

    @classmethod
    def setUpClass(cls):
        rdev("up", cls.name, *cls.options)

    @classmethod
    def tearDownClass(cls):
        rdev("down", cls.name, code=None)

    def exec(self, *words, options=(), **how):
        return rdev("exec", *options, self.name, "--", *words, **how)

    def start(self, *words, options=(), **how):
        return start("exec", *options, self.name, "--", *words, **how)

    def popen(self, *words, **how):
        return Client([program("rdev"), "exec", self.name, "--", *words], **how)

    # --- bytes ---

    def test_streams_stay_apart_and_binary(self):
        data = bytes(range(256)) * 4000 + b"\r\n\x00\x03\x04~.\n~."
        done = self.exec("cat", input=data)
        self.assertEqual((done.out, done.err), (data, b""))
        done = self.exec("sh", "-c", "cat >&2", input=data)
        self.assertEqual((done.out, done.err), (b"", data))
        done = self.exec("sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.out, done.err), (b"out\n", b"err\n"))

    def test_a_lot_both_ways(self):
        path, digest = bulk_file()
        with open(path, "rb") as file:
            took = subprocess.run([program("rdev"), "exec", self.name, "--", "sha256sum"], stdin=file,
                                  stdout=subprocess.PIPE, check=True, timeout=120 * PATIENCE)
        self.assertEqual(took.stdout.split()[0].decode(), digest)
        with open(path, "rb") as file, self.popen("cat", stdin=file, stdout=subprocess.PIPE) as cat:
            self.assertEqual(subprocess.run(["sha256sum"], stdin=cat.stdout, stdout=subprocess.PIPE, check=True,
                                            timeout=120 * PATIENCE).stdout.split()[0].decode(), digest)
            self.assertEqual(cat.wait(10), 0)

    def test_end_of_stdin(self):
        self.assertEqual(self.exec("sh", "-c", "cat; echo end").text, "end\n")
        # The other way goes on after it.
        done = self.exec("sh", "-c", "cat >/dev/null; sleep 0.5; head -c 3000000 /dev/zero", input=b"x" * 100_000)
        self.assertEqual(len(done.out), 3_000_000)

    def test_no_stdin_at_all(self):
        argv = [program("rdev"), "exec", self.name, "--", "sh", "-c", "cat; echo end"]
        for redirect in ("</dev/null", "<&-"):
            self.assertEqual(run("sh", "-c", f'exec "$@" {redirect}', "sh", *argv).text, "end\n", redirect)

    def test_who_does_not_read_its_stdin_does_no_harm(self):
        self.assertEqual(self.exec("true", input=bytes(8 * MIB)).out, b"")
        self.assertEqual(self.exec("sh", "-c", "exec <&-; sleep 0.3; echo on", input=bytes(8 * MIB)).text, "on\n")

    def test_a_reader_that_goes_ends_the_writer(self):
        done = run("bash", "-c", f"{program('rdev')} exec {self.name} -- yes 'who reads this' | head -n 2")
        self.assertEqual(done.text, "who reads this\n" * 2)
        eventually(lambda: not processes("who reads this"), "the writer ends")

    # --- how it ends ---

    def test_exit_codes(self):
        for code in (0, 1, 7, 126, 127, 200, 255):
            self.exec("sh", "-c", f"exit {code}", code=code)

    def test_killed_by_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGUSR1):
            self.exec("sh", "-c", f"kill -{int(number)} $$", code=128 + number)

    def test_not_found_and_not_executable(self):
        for word, code in (("nothing-of-that-name", 127), ("/nowhere/x", 127), ("", 127), ("/etc/passwd", 126),
                           ("/tmp", 126)):
            done = self.exec(word, code=code)
            self.assertEqual(done.out, b"")
            self.assertRegex(done.errors, f"^rdev: .*{word}", word)

    def test_output_before_the_end_is_whole(self):
        for _ in range(20):
            done = self.exec("sh", "-c", "head -c 200000 /dev/zero; echo last >&2; exit 3", code=3)
            self.assertEqual((len(done.out), done.err), (200_000, b"last\n"))

    # --- words and environment ---

    def test_words_are_exact(self):
        words = ["", " ", "a b", "it's", '"', "$HOME", "`id`", "*", "line\nline", "\t", "-", "--", "-t", "~", "\\",
                 "ümläut", "\udcff\udc80", ";", "x" * 100_000]
        done = self.exec("printf", "%s\\0", *words)
        self.assertEqual(done.out, b"".join(os.fsencode(w) + b"\0" for w in words))

    def test_too_many_words(self):
        """A kernel takes 2 MB; a request is at most 256 KiB, and says so."""
        self.assertEqual(self.exec("printf", "%s ", *["x" * 50] * 4000).out, (b"x" * 50 + b" ") * 4000)
        done = self.exec("true", *["x" * 100_000] * 3, code=None)
        self.assertIn(done.code, (1, 2, 126))
        self.assertRegex(done.errors, "^rdev: .*long")

    def test_environment(self):
        done = self.exec("sh", "-c", 'printf "%s|%s|%s" "$A" "$B" "$HERE"', options=["--env", "A=1 2", "--env", "B=", "--env",
                                                                                "HERE"], env={"HERE": "mine\n"})
        self.assertEqual(done.out, b"1 2||mine\n")
        self.assertEqual(self.exec("sh", "-c", 'echo "[$HERE]"', env={"HERE": "not asked for"}).text, "[]\n")

    def test_usage(self):
        for argv in ((), (self.name,), (self.name, "--"), ("--nonsense", self.name, "--", "true")):
            rdev("exec", *argv, code=2)

    # --- signals ---

    def test_signals_are_passed_on(self):
        script = "\n".join(["for s in INT TERM HUP QUIT USR1 USR2; do trap \"echo got $s; exit 5\" $s; done",
                            "echo ready", "while :; do sleep 0.05; done"])
        for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
            with self.start("sh", "-c", script) as process:
                process.wait_for("^ready$")
                process.signal(signal.Signals[f"SIG{name}"])
                self.assertEqual(process.wait(), 5, name)
                self.assertIn(f"got {name}", process.output)

    def test_a_killed_client(self):
        """As with ssh: what has no terminal sees the end of its stdin, what has one is hung up."""
        with self.start("sh", "-c", "echo ready; cat; exec sleep 4321", stdin=subprocess.PIPE) as piped, \
                self.start("sh", "-c", "echo ready; exec sleep 4322", options=["-t"]) as terminal:
            piped.wait_for("ready")
            terminal.wait_for("ready")
            self.assertIsNone(self.of_job("sleep 4321"))
            piped.kill()
            terminal.kill()
        sleeper = eventually(lambda: self.of_job("sleep 4321"), "cat ends")
        eventually(lambda: not self.of_job("sleep 4322"), "it is hung up")
        os.kill(sleeper, signal.SIGKILL)

    # --- terminals ---

    def test_terminal_on_request(self):
        self.assertRegex(self.exec("tty", options=["-t"]).text, r"^/dev/pts/\d+\r\n$")
        self.assertEqual(self.exec("tty", code=1).text, "not a tty\n")

    # --- slow readers ---

    def calm(self, client, what):
        for name, pid in (("rdev exec", client), ("link", link_pid(self.name)), ("agent", agent_pid())):
            peak = status_kb(pid, "VmHWM")
            if not SANITIZED:
                self.assertLess(peak, CALM_KB, f"{what}: {name}, VmHWM in kB")

    def test_a_slow_reader_stops_the_writer(self):
        with self.popen("/bin/head", "-c", "98765432100", "/dev/zero", stdout=subprocess.PIPE) as client:
            writer = eventually(lambda: self.of_job("/bin/head -c 98765432100"), "it writes")
            reset_peak(agent_pid())
            amount = settled(lambda: written(writer), "the writer")
            self.assertLess(amount, 16 * MIB)
            self.calm(client.pid, "nobody reads")
            for _ in range(16):
                self.assertEqual(len(client.stdout.read(MIB)), MIB)
            eventually(lambda: written(writer) > amount, "it goes on when it is read")
            self.calm(client.pid, "slow reader")
        eventually(lambda: not self.of_job("/bin/head -c 98765432100"), "the writer ends")

    def test_a_slow_consumer_in_the_job_stops_stdin(self):
        with self.popen("sleep", "8765", stdin=subprocess.PIPE) as client:
            reset_peak(agent_pid())
            fd = client.stdin.fileno()
            os.set_blocking(fd, False)
            sent = 0

            def push():
                nonlocal sent
                try:
                    while True:
                        sent += os.write(fd, bytes(65536))
                except BlockingIOError:
                    return sent

            self.assertLess(settled(push, "stdin"), 16 * MIB)
            self.calm(client.pid, "stdin")
        os.kill(self.of_job("sleep 8765"), signal.SIGKILL)

    def test_two_streams_do_not_wait_for_each_other(self):
        """stdout is full and nobody reads it; stderr still comes."""
        with self.popen("sh", "-c", "head -c 50000000 /dev/zero & sleep 0.5; echo alive >&2; wait",
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
            self.assertEqual(client.stderr.readline(), b"alive\n")
            self.assertEqual(len(client.stdout.read()), 50_000_000)
            self.assertEqual(client.wait(10), 0)

    @staticmethod
    def of_job(beginning):
        return next((pid for pid, line in processes(beginning).items() if line.startswith(beginning)), None)

    # --- the end of the other side ---

    def test_agent_gone(self):
        name = f"{self.name}-gone"
        up(self, name, *self.options)
        rdev("exec", name, "--", "true")
        (agent,) = agents().keys() - {self.first_agent}
        with start("exec", name, "--", "sh", "-c", "echo ready; sleep 3456") as process:
            process.wait_for("ready")
            began = time.monotonic()
            os.kill(agent, signal.SIGKILL)
            self.assertEqual(process.wait(), 255)
            self.assertLess(time.monotonic() - began, 10 * PATIENCE)
            self.assertRegex(process.output, r"(?m)^rdev: \S.*")
        began = time.monotonic()
        done = rdev("exec", name, "--", "true", code=255)
        self.assertLess(time.monotonic() - began, 10 * PATIENCE)
        self.assertRegex(done.errors, r"(?m)^rdev: .*" + name)

    def test_job_gone(self):
        name = f"{self.name}-down"
        up(self, name, *self.options)
        with start("exec", name, "--", "sh", "-c", "echo ready; sleep 3457") as process:
            process.wait_for("ready")
            rdev("down", name)
            # The job's end is a SIGTERM for what runs in it; where that is not heard of any more, 255.
            self.assertIn(process.wait(), (143, 255))
        done = rdev("exec", name, "--", "true", code=255)
        self.assertIn(name, done.errors)
        eventually(lambda: not processes("sleep 3457"), "nothing of it is left")

    def setUp(self):
        self.first_agent = agent_pid()

    # --- one after the other ---

    def test_a_hundred_in_a_row_and_twenty_at_once(self):
        for i in range(300 if LONG else 100):
            self.assertEqual(self.exec("sh", "-c", f"echo {i}; exit {i % 3}", code=i % 3).text, f"{i}\n")
        running = [self.start("sh", "-c", f"echo {i}; exit {i}") for i in range(20)]
        for i, process in enumerate(running):
            with process:
                self.assertEqual((process.wait(30), process.output), (i, f"{i}\n"))


class OnLocal(Cases, unittest.TestCase):
    name = "here"

    def test_another_user(self):
        self.assertEqual(self.exec("id", "-un", options=["--user", "lab"]).text, "lab\n")
        done = self.exec("true", options=["--user", "nobody-of-that-name"], code=None)
        self.assertNotEqual(done.code, 0)
        self.assertIn("nobody-of-that-name", done.errors)


class OnDocker(Cases, unittest.TestCase):
    name = "far"
    options = ("--cluster", "docker", "--image", "lab/busybox:1")


if __name__ == "__main__":
    unittest.main()
