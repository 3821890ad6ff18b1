"""The old scp protocol: stock sshd with the image's scp, the agent with it, and the agent alone."""
import os
import re
import shutil
import stat
import tempfile
import unittest
from pathlib import Path

from lab import tree
from lab.agent import Agent
from lab.front import without_front
from lab.proc import LONG, SANITIZED, needs_tool, only_if, run
from lab.sshd import Sshd

# What the shell of an image without scp still has.
PROGRAMS = ("cat", "mkdir", "sh", "true")
GIB = 1 << 30


def path_without_scp():
    bin_ = Path(tempfile.mkdtemp(prefix="bin-"))
    bin_.chmod(0o755)
    for name in PROGRAMS:
        (bin_ / name).symlink_to(shutil.which(name))
    return str(bin_)


class Common:
    """What holds whoever serves it."""

    def setUp(self):
        self.work = Path(tempfile.mkdtemp())
        (self.work / "here").mkdir()
        (self.work / "there").mkdir()

    def scp(self, *words, code=0, **how):
        return run("scp", "-O", "-F", self.target.config, *words, code=code, **how)

    def names(self, where):
        return sorted(os.listdir(self.work / where))

    def test_trees_both_ways(self):
        source = tree.make(self.work / "source")
        self.scp("-pr", source, f"agent:{self.work}/copy")
        self.assertEqual(tree.facts(self.work / "copy"), tree.facts(source))
        self.scp("-pr", f"agent:{self.work}/copy", self.work / "back")
        self.assertEqual(tree.facts(self.work / "back"), tree.facts(source))
        for copy in ("copy", "back"):
            for name in (".", "sub", "sub/deep", "empty dir"):
                self.assertEqual(int((self.work / copy / name).stat().st_mtime),
                                 int((source / name).stat().st_mtime), (copy, name))

    def test_a_directory_onto_one_that_is_there(self):
        source = tree.make(self.work / "source")
        (self.work / "there/old").write_text("stays")
        self.scp("-pr", source, f"agent:{self.work}/there")
        self.scp("-pr", source, f"agent:{self.work}/there")
        self.assertEqual(self.names("there"), ["old", "source"])
        self.assertEqual(tree.facts(self.work / "there/source"), tree.facts(source))

    def test_modes_and_times_without_p(self):
        file = self.work / "tool"
        file.write_text("#!/bin/sh\n")
        file.chmod(0o777)
        os.utime(file, (1_500_000_000, 1_500_000_000))
        old = self.work / "there/old"
        old.write_text("longer than what comes")
        old.chmod(0o600)
        self.scp(file, f"agent:{self.work}/there/new")
        self.scp(file, f"agent:{old}")
        self.assertEqual(stat.S_IMODE((self.work / "there/new").stat().st_mode), 0o755)
        self.assertGreater((self.work / "there/new").stat().st_mtime, 1_600_000_000)
        self.assertEqual((stat.S_IMODE(old.stat().st_mode), old.read_text()), (0o600, "#!/bin/sh\n"))

    def test_nothing_runs_as_its_owner_without_p(self):
        (self.work / "here/tool").write_text("x")
        (self.work / "here/tool").chmod(0o6755)
        self.scp(self.work / "here/tool", f"agent:{self.work}/there")
        self.scp("-r", self.work / "here", f"agent:{self.work}/there")
        for path, mode in (("there/tool", 0o755), ("there/here", 0o755), ("there/here/tool", 0o755)):
            self.assertEqual(oct(stat.S_IMODE((self.work / path).stat().st_mode)), oct(mode), path)

    def test_p_keeps_every_bit(self):
        for i, mode in enumerate((0o400, 0o4755, 0o2770, 0o000, 0o666)):
            file = self.work / "here" / str(i)
            file.write_text("x")
            file.chmod(mode)
            os.utime(file, (1_500_000_000 + i, 1_400_000_000 + i))
        self.scp("-pr", self.work / "here", f"agent:{self.work}/there")
        self.scp("-pr", f"agent:{self.work}/here", self.work / "back")
        for copy in ("there/here", "back"):
            for i, mode in enumerate((0o400, 0o4755, 0o2770, 0o000, 0o666)):
                status = (self.work / copy / str(i)).stat()
                self.assertEqual((stat.S_IMODE(status.st_mode), int(status.st_mtime)),
                                 (mode, 1_400_000_000 + i), (copy, i))

    def test_unusual_names(self):
        names = [b"a b", b"-dash", b"quote's", b'"', b"back\\slash", b"dollar$HOME", b"*", b"\xff\xfe", b"~", b"#"]
        for name in names:
            Path(os.fsdecode(os.fsencode(self.work / "here") + b"/" + name)).write_bytes(name)
        self.scp("-r", self.work / "here", f"agent:{self.work}/there")
        self.scp("-r", f"agent:{self.work}/there/here", self.work / "back")
        for copy in ("there/here", "back"):
            found = {name: (Path(os.fsdecode(os.fsencode(self.work / copy) + b"/" + name))).read_bytes()
                     for name in os.listdir(os.fsencode(self.work / copy))}
            self.assertEqual(found, {name: name for name in names})

    def test_a_line_end_in_a_name_cannot_be_told(self):
        (self.work / "here/a\nb\\\u00fc").write_text("x")
        (self.work / "here/plain\u00fc").write_text("y")
        self.scp("-r", f"agent:{self.work}/here", self.work / "back")
        self.assertEqual(self.names("back"), ["a\\^Jb\\\\\\M-C\\M-<", "plain\u00fc"])

    def test_what_a_shell_expands(self):
        home = Path(self.target.ssh("cd; echo $HOME").text.strip())
        sub = Path(tempfile.mkdtemp(dir=home))
        for name in ("g1.txt", "g2.txt", "h.dat", "[x].txt", ".hidden.txt"):
            (sub / name).write_text(name)
        cases = {f"~/{sub.name}/g*.txt": ["g1.txt", "g2.txt"],
                 f"{sub.name}/g?.txt {sub.name}/h.dat": ["g1.txt", "g2.txt", "h.dat"],
                 f"{sub}/[gh]*": ["g1.txt", "g2.txt", "h.dat"],
                 f"'{sub}/[x].txt'": ["[x].txt"],
                 f"{sub}/\\[x\\].txt": ["[x].txt"],
                 f"~/'{sub.name}/'*.dat": ["h.dat"]}
        for pattern, names in cases.items():
            with self.subTest(pattern):
                into = Path(tempfile.mkdtemp())
                # -T: this client has no notion of what the far shell makes of quotes.
                self.scp("-T", f"agent:{pattern}", into)
                self.assertEqual(sorted(os.listdir(into)), names)
        into = Path(tempfile.mkdtemp())
        done = self.scp("-T", f"agent:{sub}/{{h.dat,none,g1.*}}", into, code=1)
        self.assertEqual(sorted(os.listdir(into)), ["g1.txt", "h.dat"])
        self.assertIn("none: No such file", done.errors)
        self.scp("/etc/passwd", f"agent:~/{sub.name}/up")
        self.assertEqual((sub / "up").read_bytes(), Path("/etc/passwd").read_bytes())

    def test_one_that_fails_does_not_stop_the_others(self):
        (self.work / "here/one").write_text("1")
        (self.work / "here/two").write_text("2")
        here = self.work / "here"
        done = self.scp(f"agent:{here}/one", f"agent:{here}/missing", f"agent:{here}/two", self.work / "there", code=1)
        self.assertRegex(done.errors, "scp: .*missing: No such file or directory")
        self.assertEqual(self.names("there"), ["one", "two"])
        done = self.scp(f"agent:{here}/one", f"agent:{here}", f"agent:{here}/two", self.work / "there", code=1)
        self.assertRegex(done.errors, "scp: .*here: not a regular file")

    def test_within_one_request_too(self):
        os.mkfifo(self.work / "here/fifo")
        for name in ("a", "z"):
            (self.work / "here" / name).write_text(name)
        done = self.scp("-r", f"agent:{self.work}/here", self.work / "back", code=1)
        self.assertRegex(done.errors, "scp: .*fifo: not a regular file")
        self.assertEqual(self.names("back"), ["a", "z"])

    def test_targets_that_cannot_be(self):
        source = self.work / "here/f"
        source.write_text("x")
        (self.work / "file").write_text("file")
        for words, what in (((source, f"agent:{self.work}/no/such/place"), "No such file or directory"),
                            ((source, f"agent:{self.work}/file/below"), "Not a directory"),
                            ((source, source, f"agent:{self.work}/file"), "Not a directory"),
                            (("-r", self.work / "here", f"agent:{self.work}/file"), "Not a directory")):
            with self.subTest(words):
                self.assertIn(what, self.scp(*words, code=1).errors)
        self.assertEqual((self.work / "file").read_text(), "file")

    def test_a_full_disk_is_told_and_the_next_file_comes(self):
        small = self.work / "small"
        small.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=1m", "none", small)
        self.addCleanup(run, "umount", small)
        (self.work / "here/a-big").write_bytes(os.urandom(3 << 20))
        (self.work / "here/b-empty").write_bytes(b"")
        done = self.scp("-r", self.work / "here", f"agent:{small}", code=1)
        self.assertIn("No space left on device", done.errors)
        self.assertEqual(sorted(os.listdir(small / "here")), ["a-big", "b-empty"])

    def hostile(self, request, sent):
        """What the server answers to these bytes, and its exit code."""
        done = self.target.ssh(request, input=sent, code=None)
        return done.out, done.code

    def test_names_do_not_leave_the_directory(self):
        for record in (b"C0644 1 ../escaped\n", b"C0644 1 /tmp/escaped\n", b"C0644 1 ..\n", b"C0644 1 .\n",
                       b"C0644 1 \n", b"D0755 0 ..\n", b"D0755 0 a/b\n"):
            with self.subTest(record):
                out, code = self.hostile(f"scp -r -t {self.work}/there", record + b"x\0E\n")
                self.assertRegex(out, rb"^\0\x01scp: .*unexpected filename")
                self.assertEqual(code, 1)
        self.assertEqual(self.names("there"), [])
        self.assertEqual(self.names("."), ["here", "there"])

    def test_nonsense_is_refused(self):
        for record in (b"hello\n", b"\n", b"C644 1 x\n", b"C0999 1 x\n", b"C0644 -1 x\n", b"C0644 1x\n", b"C06441 x\n",
                       b"C0644 99999999999999999999 x\n", b"T12\n", b"T1 0 1 9999999\n", b"Tx 0 1 0\n"):
            with self.subTest(record):
                out, code = self.hostile(f"scp -t {self.work}/there", record)
                self.assertRegex(out, rb"^\0\x01scp: ")
                self.assertEqual(code, 1)
        out, code = self.hostile(f"scp -t {self.work}/there", b"D0755 0 x\n")
        self.assertRegex(out, rb"^\0\x01scp: .*received directory without -r")
        self.assertEqual(self.names("there"), [])

    def test_a_client_that_goes_away(self):
        self.assertEqual(self.hostile(f"scp -t {self.work}/there", b""), (b"\0", 0))
        out, code = self.hostile(f"scp -t {self.work}/there/f", b"C0644 10 f\nabc")
        self.assertNotEqual(code, 0)
        self.assertTrue(out.startswith(b"\0\0"), out)

    def test_the_bytes_on_the_wire(self):
        file = self.work / "here/f"
        file.write_bytes(b"hello")
        file.chmod(0o640)
        os.utime(file, (1_500_000_001, 1_500_000_002))
        out, code = self.hostile(f"scp -p -f -- {file}", b"\0" * 4)
        self.assertEqual((out, code), (b"T1500000002 0 1500000001 0\nC0640 5 f\nhello\0", 0))
        out, code = self.hostile(f"scp -r -f {self.work}/here", b"\0" * 5)
        self.assertRegex(out, rb"^D0\d\d\d 0 here\nC0640 5 f\nhello\0E\n$")

    def test_pscp(self):
        needs_tool("pscp")
        ppk = Path(tempfile.mkdtemp()) / "key.ppk"
        run("puttygen", self.target.key, "-O", "private", "-o", ppk)
        fingerprint = re.search(r"SHA256:\S+", run("ssh-keygen", "-lf", self.target.known_hosts).text)[0]
        common = ["pscp", "-batch", "-scp", "-P", str(self.target.port), "-i", ppk, "-hostkey", fingerprint]
        there = f"{self.target.user}@127.0.0.1"
        source = tree.make(self.work / "source")
        run(*common, "-p", "-r", source, f"{there}:{self.work}/there")
        run(*common, "-p", "-r", f"{there}:{self.work}/there/source", self.work / "back")
        plain = tree.facts(source, modes=False, mtimes=False)
        self.assertEqual(tree.facts(self.work / "there/source", modes=False, mtimes=False), plain)
        self.assertEqual(tree.facts(self.work / "back", modes=False, mtimes=False), plain)

    def test_command_lines_of_libssh2_and_libssh(self):
        file = self.work / "here/a b'c"
        file.write_text("x")
        quoted = "'" + str(file).replace("'", "'\"'\"'") + "'"
        for words in (f"scp -pf {quoted}", f"scp -v -q -p -f -- {quoted}"):
            out, code = self.hostile(words, b"\0" * 4)
            self.assertRegex(out, rb"^T\d+ 0 \d+ 0\nC0\d\d\d 1 a b'c\nx\0$")
            self.assertEqual(code, 0)
        for words in (f"scp -pt {quoted}", f"scp -r  -p -t {quoted}"):
            out, code = self.hostile(words, b"C0640 3 other\nnew\0")
            self.assertEqual((out, code, file.read_text()), (b"\0\0\0", 0, "new"))
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640)

    def test_libssh2(self):
        """curl speaks scp through it."""
        needs_tool("curl")
        source = self.work / "here/a b'c"
        source.write_bytes(os.urandom(300_000))
        url = f"scp://{self.target.user}@127.0.0.1:{self.target.port}{self.work}"
        curl = ["curl", "-sS", "--noproxy", "*", "--insecure", "--key", self.target.key,
                "--pubkey", f"{self.target.key}.pub"]
        run(*curl, "-T", source, f"{url}/there/x%20y")
        run(*curl, "-o", self.work / "back", f"{url}/here/a%20b%27c")
        self.assertEqual((self.work / "there/x y").read_bytes(), source.read_bytes())
        self.assertEqual((self.work / "back").read_bytes(), source.read_bytes())


@without_front
class StockSshd(Common, unittest.TestCase):
    """Shows that the tests are true."""

    @classmethod
    def setUpClass(cls):
        peer = Sshd()
        cls.addClassCleanup(peer.stop)
        cls.target = peer.target


class ImagesOwn(Common, unittest.TestCase):
    """The agent leaves it to the image's scp where there is one."""

    @classmethod
    def setUpClass(cls):
        agent = Agent()
        cls.addClassCleanup(agent.end)
        cls.target = agent.target

    def test_it_is_the_images(self):
        path = path_without_scp()
        (Path(path) / "scp").write_text("#!/bin/sh\necho the image\\'s own: $*\n")
        (Path(path) / "scp").chmod(0o755)
        with Agent(env={"PATH": path}) as agent:
            self.assertEqual(agent.target.ssh("scp -r -t x").text, "the image's own: -r -t x\n")


class WithoutScp(Common, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        agent = Agent(env={"PATH": path_without_scp()})
        cls.addClassCleanup(agent.end)
        cls.target = agent.target

    def test_there_is_none(self):
        """Other command lines are the shell's, which says so."""
        for words in ("scp -f", "scp --version", "scp a b", "scp -f x; true && exit 127", "scp -ft x"):
            self.assertIn("scp", self.target.ssh(words, code=127).errors)

    def test_deep_trees(self):
        """Deeper than a path is long: what can be named comes, the rest is told."""
        deep = self.work / "here"
        self.addCleanup(run, "rm", "-rf", deep)
        here = os.open(deep, os.O_RDONLY)
        for _ in range(2100):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        done = self.target.ssh(f"scp -r -f {deep}", input=b"\0" * 9000, code=1)
        self.assertRegex(done.out, b"File name too long|Too many open files")
        self.assertGreater(done.out.count(b"D0755 0 d\n"), 400)
        self.assertEqual(done.out.count(b"E\n"), done.out.count(b"D0755 0 "))


@only_if(LONG and not SANITIZED)
class MoreThanFourGib(unittest.TestCase):
    def test_both_ways(self):
        agent = Agent(env={"PATH": path_without_scp()})
        self.addCleanup(agent.end)
        big = Path(tempfile.mkdtemp()) / "big"
        with open(big, "wb") as file:
            file.truncate(4 * GIB + 3)
            file.seek(4 * GIB)
            file.write(b"end")
        scp = ["scp", "-O", "-F", agent.target.config, "-c", "aes128-gcm@openssh.com"]
        back = big.parent / "back"
        for words in ((big, f"agent:{back}"), (f"agent:{big}", back)):
            run(*scp, *words, timeout=120)
            self.assertEqual(back.stat().st_size, 4 * GIB + 3)
            with open(back, "rb") as file:
                file.seek(4 * GIB)
                self.assertEqual(file.read(), b"end")
            back.unlink()


if __name__ == "__main__":
    unittest.main()
