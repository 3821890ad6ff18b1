"""New keys in the middle of everything: asked for by the client or by the agent, by bytes or by time."""
import hashlib
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from lab.agent import Agent
from lab.proc import LONG, PATIENCE, SANITIZED, only_if

SIZE = 20_000_000 if SANITIZED else 200_000_000
GIB = 1 << 30


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)


class Traffic:
    """`size` bytes of a seeded stream into a command's stdin, and its stdout, both hashed."""

    def __init__(self, argv, size):
        self.errors = Path(tempfile.mkdtemp()) / "stderr"
        self.sent, self.got, self.count = hashlib.sha256(), hashlib.sha256(), 0
        with open(self.errors, "wb") as errors:
            self.ssh = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.feeder = threading.Thread(target=self.feed, args=(size,), daemon=True)
        self.feeder.start()

    def feed(self, size):
        block = os.urandom(1_000_000)
        try:
            while size > 0:
                block = block[1:] + block[:1]
                part = block[:size]
                self.ssh.stdin.write(part)
                self.sent.update(part)
                size -= len(part)
            self.ssh.stdin.close()
        except BrokenPipeError:
            pass

    def finish(self, test):
        """Reads to the end; how often keys were exchanged."""
        while part := self.ssh.stdout.read1(1 << 20):
            self.got.update(part)
            self.count += len(part)
        code = self.ssh.wait(30 * PATIENCE)
        self.ssh.stdout.close()
        self.feeder.join(10)
        said = self.errors.read_text(errors="replace")
        test.assertEqual(code, 0, said[-2000:])
        return said.count("SSH2_MSG_KEXINIT sent")


def traffic(words, limit, size, cipher="aes128-gcm@openssh.com"):
    # OpenSSH 9.2 takes 70 ms for a key pair of sntrup761, which is not what is tested here.
    options = (f"RekeyLimit={limit}", f"Ciphers={cipher}", "KexAlgorithms=curve25519-sha256")
    return Traffic(target.argv(words, options=["-v", *(word for option in options for word in ("-o", option))]), size)


class ByTheClient(unittest.TestCase):
    def test_by_bytes_both_ways_at_once(self):
        for cipher in ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"):
            with self.subTest(cipher):
                size = SIZE if cipher.startswith("aes128") or LONG else SIZE // 5
                run = traffic("cat", "1M", size, cipher)
                exchanges = run.finish(self)
                self.assertEqual((run.count, run.got.digest()), (size, run.sent.digest()))
                self.assertGreater(exchanges, size // 10_000_000)

    def test_by_time(self):
        run = traffic("end=$(($(date +%s) + 7)); while [ $(date +%s) -lt $end ]; do head -c 1000000 /dev/zero; "
                      "sleep 0.1; done; cat >/dev/null", "default 2s", 20_000_000)
        exchanges = run.finish(self)
        self.assertGreaterEqual(exchanges, 3)

    def test_keystrokes_between(self):
        with target.start("cat", options=["-o", "RekeyLimit=1K"], stdin=subprocess.PIPE) as ssh:
            for i in range(30):
                ssh.popen.stdin.write(b"line-%d-" % i + b"x" * 200 + b"\n")
                ssh.popen.stdin.flush()
                ssh.wait_for(f"line-{i}-")
            ssh.popen.stdin.close()
            self.assertEqual(ssh.wait(), 0)


@only_if(not SANITIZED)  # those builds take a minute for a gigabyte
class ByTheCipher(unittest.TestCase):
    """Both ends count its blocks. (That the agent asks by itself: the unit test of Transport.)"""

    def test_a_gigabyte_of_chacha20(self):
        run = traffic(f"head -c {GIB + 200_000_000} /dev/zero", "default none", 0, "chacha20-poly1305@openssh.com")
        exchanges = run.finish(self)
        self.assertEqual(run.count, GIB + 200_000_000)
        self.assertEqual(exchanges, 2)

    def test_not_yet_a_gigabyte_of_aes(self):
        run = traffic(f"head -c {GIB + 200_000_000} /dev/zero", "default none", 0)
        self.assertEqual(run.finish(self), 1)
        self.assertEqual(run.count, GIB + 200_000_000)


if __name__ == "__main__":
    unittest.main()
