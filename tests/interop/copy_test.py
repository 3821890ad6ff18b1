"""Files through stock tools: sftp, scp old and new, rsync, git, and a stream of 1 GiB."""
import hashlib
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from lab import tree
from lab.agent import Agent
from lab.proc import PATIENCE, SANITIZED, needs_tool, run, status_kb

MIB = 1 << 20
BULK = 64 * MIB if SANITIZED else 1024 * MIB


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)


class Trees(unittest.TestCase):
    def setUp(self):
        self.work = Path(tempfile.mkdtemp())
        self.source = tree.make(self.work / "source")
        self.before = tree.facts(self.source)

    def same(self, copy, **what):
        self.assertEqual(tree.facts(self.work / copy, **what), tree.facts(self.source, **what))

    def test_sftp_both_ways(self):
        target.sftp(f"mkdir {self.work}/there\nput -pR {self.source}/. {self.work}/there\n"
                    f"get -pR {self.work}/there {self.work}/back\n")
        self.same("there")
        self.same("back")

    def test_sftp_commands(self):
        one = self.work / "one"
        one.write_text("1")
        target.sftp("\n".join([
            f"cd {self.work}", "pwd", "ls -la", f"put {self.source}/a.txt two", "chmod 600 two", "rename one three",
            "symlink two link", "mkdir dir", "rmdir dir", f"get link {self.work}/got", "rm three", "df", ""]))
        self.assertEqual(os.readlink(self.work / "link"), "two")
        self.assertEqual((self.work / "got").read_text(), "hello\n")
        self.assertEqual((self.work / "two").stat().st_mode & 0o777, 0o600)
        self.assertFalse((self.work / "three").exists() or one.exists())

    def test_sftp_errors_are_true(self):
        done = target.sftp("get /no/such/file\n", code=1)
        self.assertIn("not found", done.errors.lower().replace("no such file", "not found"))

    def test_scp_both_ways(self):
        needs_tool("scp")
        run("scp", "-F", target.config, "-pr", self.source, f"agent:{self.work}/there")
        run("scp", "-F", target.config, "-pr", f"agent:{self.work}/there", self.work / "back")
        self.same("there")
        self.same("back")

    def test_scp_expands_home_and_globs(self):
        needs_tool("scp")
        home = Path(target.ssh("pwd").text.strip())
        sub = Path(tempfile.mkdtemp(dir=home))
        for i in range(3):
            (sub / f"g{i}.txt").write_text(str(i))
        (self.work / "globbed").mkdir()
        run("scp", "-F", target.config, f"agent:~/{sub.name}/g*.txt", self.work / "globbed")
        self.assertEqual(len(list((self.work / "globbed").iterdir())), 3)

    def test_old_scp_both_ways(self):
        needs_tool("scp")
        run("scp", "-O", "-F", target.config, "-pr", self.source, f"agent:{self.work}/there")
        run("scp", "-O", "-F", target.config, "-pr", f"agent:{self.work}/there", self.work / "back")
        self.same("there")
        self.same("back")

    def test_rsync_both_ways(self):
        needs_tool("rsync")
        run("rsync", "-a", "-e", target.as_rsh, f"{self.source}/", f"agent:{self.work}/there/")
        run("rsync", "-az", "-e", target.as_rsh, f"agent:{self.work}/there/", f"{self.work}/back/")
        self.same("there")
        self.same("back")
        (self.work / "there/a.txt").unlink()
        out = run("rsync", "-a", "--delete", "-i", "-e", target.as_rsh, f"agent:{self.work}/there/",
                  f"{self.work}/back/").text
        self.assertIn("*deleting   a.txt", out)

    def test_rsync_of_nothing_fails_with_its_own_code(self):
        needs_tool("rsync")
        run("rsync", "-a", "-e", target.as_rsh, f"agent:{self.work}/missing/", self.work / "x", code=23)

    def test_git(self):
        needs_tool("git")
        env = {"GIT_SSH_COMMAND": target.as_rsh, "GIT_CONFIG_COUNT": "3",
               "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "lab",
               "GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "lab@localhost",
               "GIT_CONFIG_KEY_2": "safe.directory", "GIT_CONFIG_VALUE_2": "*"}
        bare, clone = self.work / "bare.git", self.work / "clone"
        run("git", "init", "-q", "--bare", "-b", "main", bare)
        run("git", "clone", "-q", f"agent:{bare}", clone, env=env)
        run("cp", "-r", f"{self.source}/.", clone)
        for words in (["add", "."], ["commit", "-qm", "tree"], ["push", "-q", "origin", "HEAD:main"]):
            run("git", "-C", clone, *words, env=env)
        run("git", "clone", "-q", f"agent:{bare}", self.work / "again", env=env)
        self.assertEqual(run("git", "-C", self.work / "again", "rev-parse", "HEAD^{tree}", env=env).out,
                         run("git", "-C", clone, "rev-parse", "HEAD^{tree}", env=env).out)


class Bulk(unittest.TestCase):
    """Random bytes through `ssh … cat` both ways at once, at full length in release builds."""

    def test_both_ways(self):
        ssh = subprocess.Popen(target.argv("cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(ssh.wait)
        self.addCleanup(ssh.kill)
        sent, got, count = hashlib.sha256(), hashlib.sha256(), 0
        seed = os.urandom(8 * MIB)

        def send():
            # Each block differs from the others, at the price of one XORed counter.
            for i in range(BULK // len(seed)):
                block = i.to_bytes(8, "big") + seed[8:]
                sent.update(block)
                ssh.stdin.write(block)
            ssh.stdin.close()

        sender = threading.Thread(target=send)
        sender.start()
        while block := ssh.stdout.read1(MIB):
            got.update(block)
            count += len(block)
        sender.join()
        self.assertEqual(ssh.wait(60 * PATIENCE), 0)
        self.assertEqual(count, BULK)
        self.assertEqual(sent.hexdigest(), got.hexdigest())
        self.check_memory()

    def test_a_reader_that_stalls_costs_no_memory(self):
        with target.start("head -c 300000000 /dev/zero", options=["-v"]) as ssh:
            os.kill(ssh.pid, 19)  # SIGSTOP: the window must close, nothing may pile up
            done = threading.Event()
            done.wait(1.0)
            self.check_memory()
            os.kill(ssh.pid, 18)

    def check_memory(self):
        if not SANITIZED:  # its shadow memory is not the agent's
            self.assertLess(status_kb(agent.pid, "VmHWM"), 64 * 1024)


if __name__ == "__main__":
    unittest.main()
