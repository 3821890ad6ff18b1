"""Where the agent may find itself: no passwd entry, nothing to write on, no shell, no libc."""
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from lab import root, tree
from lab.agent import Agent, ConfiguredAgent
from lab.proc import SANITIZED, needs_tool, only_if, run
from lab.ssh import make_key

NOBODY = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]


def rooted(cleanup, files, uid=0, **how):
    """An agent in the chroot `files`; `cleanup` is unittest's addCleanup."""
    key = make_key(tempfile.mkdtemp())
    root.authorize(files, key)
    agent = Agent(key=key, wrap=[shutil.which("chroot"), f"--userspec={uid}:{uid}", "--groups=", files],
                  binary="/rdev-agent", keys_path="/authorized_keys", **how)
    cleanup(agent.end)
    return agent.target


class NoPasswdEntry(unittest.TestCase):
    """Uid 12345, as a cluster may run any image."""

    def agent(self, home):
        work = Path(tempfile.mkdtemp())
        os.chown(work, 12345, 12345)
        agent = Agent(wrap=NOBODY, directory=work, env={"HOME": home}, cwd=work)
        self.addCleanup(agent.end)
        return agent.target

    def test_the_jobs_home_where_it_can_be_written(self):
        home = tempfile.mkdtemp()
        os.chown(home, 12345, 12345)
        target = self.agent(home)
        self.assertEqual(target.ssh("id -u; pwd; echo $HOME").text, f"12345\n{home}\n{home}\n")

    def test_a_private_home_where_it_cannot(self):
        work = Path(tempfile.mkdtemp())
        os.chown(work, 12345, 12345)
        agent = ConfiguredAgent(self, wrap=NOBODY, env={"HOME": "/nonexistent"}, directory=work).up()
        home = agent.values["fallback_home"]
        self.assertEqual(agent.target.ssh("echo $HOME; stat -c '%a %u' \"$HOME\"; pwd").text,
                         f"{home}\n700 12345\n{home}\n")

    def test_everything_else_works(self):
        target = self.agent("/nonexistent")
        work = Path(tempfile.mkdtemp())
        work.chmod(0o777)
        needs_tool("scp")
        run("scp", "-F", target.config, "/etc/passwd", f"agent:{work}/copy")
        self.assertEqual((work / "copy").stat().st_uid, 12345)
        self.assertIn(b"/dev/pts/", target.ssh("tty", options=["-tt"]).out)
        self.assertEqual(target.ssh(options=["-T"], input=b"echo sh$((1+1))\n").text, "sh2\n")


class NothingToWriteOn(unittest.TestCase):
    """Busybox only, a read-only root, and a /tmp that does not execute."""

    def check(self, target, uid):
        self.assertEqual(target.ssh("id -u").text, f"{uid}\n")
        self.assertEqual(target.ssh("touch /x", code=1).out, b"")
        self.assertEqual(target.ssh("cat", input=b"data").out, b"data")
        self.assertEqual(target.ssh(options=["-T"], input=b"echo sh$((1+1)); exit 5\n", code=5).text, "sh2\n")
        self.assertIn(b"/dev/pts/", target.ssh("tty", options=["-tt"]).out)
        source = Path(tempfile.mkdtemp()) / "f"
        source.write_bytes(os.urandom(100_000))
        target.sftp(f"put {source} /tmp/f\nget /tmp/f {source}.back\n")
        self.assertEqual(source.with_name("f.back").read_bytes(), source.read_bytes())
        done = target.sftp(f"put {source} /f\n", code=1)
        self.assertRegex(done.errors, "(?i)read-only|failure|permission")

    def test_as_root(self):
        self.check(rooted(self.addCleanup, root.make(), env={"HOME": "/nowhere"}), 0)

    def test_as_uid_12345(self):
        self.check(rooted(self.addCleanup, root.make(), uid=12345, env={"HOME": "/nowhere"}), 12345)

    def test_a_foreign_nsswitch_loads_nothing(self):
        target = rooted(self.addCleanup, root.make(), env={"HOME": "/nowhere"})
        self.assertEqual(target.variant(user="lab").ssh("id -u").text, "4242\n")


class NoShell(unittest.TestCase):
    """One static program or two, nothing that could interpret a command."""

    @classmethod
    def setUpClass(cls):
        cls.target = rooted(cls.addClassCleanup, root.make(shell=False, programs=["printf", "cat"]),
                            env={"HOME": "/nowhere", "PATH": "/bin"})

    def test_exec_is_split_into_words(self):
        done = self.target.ssh(r"""/bin/printf '<%s>' 'a b' "c\"d \$HOME" e\ f 'g'"h" ''""")
        self.assertEqual(done.text, '<a b><c"d $HOME><e f><gh><>')

    def test_what_only_a_shell_understands_is_not_guessed(self):
        for words in ("printf $HOME", "printf a | cat", "printf a > /tmp/x", "printf a; cat"):
            done = self.target.ssh(words, code=127)
            self.assertIn("shell", done.errors)

    def test_path_is_searched(self):
        self.assertEqual(self.target.ssh("printf found").text, "found")

    def test_bad_words_are_an_error(self):
        done = self.target.ssh("printf 'open", code=None)
        self.assertNotEqual(done.code, 0)
        self.assertTrue(done.errors.strip(), done)

    def test_missing_program(self):
        self.target.ssh("/bin/ls /", code=127)

    def test_streams(self):
        self.assertEqual(self.target.ssh("cat", input=b"data").out, b"data")

    def test_a_shell_is_refused_with_a_sentence(self):
        for options in (["-T"], ["-tt"]):
            done = self.target.ssh(options=options, code=None)
            self.assertNotEqual(done.code, 0)
            self.assertRegex(done.text + done.errors, "(?i)no shell|shell")

    def test_sftp_and_scp(self):
        work = Path(tempfile.mkdtemp())
        (work / "f").write_text("x")
        self.target.sftp(f"put {work}/f /tmp/f\nget /tmp/f {work}/back\nls -l /\n")
        self.assertEqual((work / "back").read_text(), "x")
        source = tree.make(work / "source")
        run("scp", "-O", "-F", self.target.config, "-pr", source, "agent:/tmp/copy")
        run("scp", "-O", "-F", self.target.config, "-pr", "agent:/tmp/co*", work / "copied")
        self.assertEqual(tree.facts(work / "copied"), tree.facts(source))


# Without /proc AddressSanitizer does not know the stack, and takes what an exception left there for
# a fault.
@only_if(not SANITIZED)
class ManyPlaces(unittest.TestCase):
    def test_no_dev_pts_or_proc_is_no_reason_to_fail(self):
        target = rooted(self.addCleanup, root.make(system=False))
        self.assertEqual(target.ssh("echo ok").text, "ok\n")


if __name__ == "__main__":
    unittest.main()
