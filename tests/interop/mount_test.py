"""sshfs: the job's files as a directory of the laptop."""
import contextlib
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from lab import tree
from lab.agent import Agent
from lab.proc import Process, eventually, needs_tool, run


def setUpModule():
    global agent
    agent = Agent()
    unittest.addModuleCleanup(agent.end)


@contextlib.contextmanager
def mounted(remote):
    """`remote` of the job, through sshfs."""
    needs_tool("sshfs")
    place = Path(tempfile.mkdtemp(prefix="mount-"))
    with Process("sshfs", "-f", "-F", agent.target.config, f"agent:{remote}", place) as process:
        eventually(lambda: os.path.ismount(place) or process.popen.poll() is not None, "it is mounted")
        if not os.path.ismount(place):
            raise AssertionError(process.output)
        try:
            yield place
        finally:
            run("umount", place)
            process.wait()


class Mounted(unittest.TestCase):
    def setUp(self):
        self.remote = Path(tempfile.mkdtemp(prefix="remote-"))
        self.mount = self.enterContext(mounted(self.remote))

    def test_a_tree_both_ways(self):
        source = tree.make(Path(tempfile.mkdtemp()) / "source")
        shutil.copytree(source, self.mount / "up", symlinks=True)
        self.assertEqual(tree.facts(self.remote / "up"), tree.facts(source))
        back = Path(tempfile.mkdtemp()) / "back"
        shutil.copytree(self.mount / "up", back, symlinks=True)
        self.assertEqual(tree.facts(back), tree.facts(source))

    def test_what_editors_do(self):
        file = self.mount / "file"
        file.write_text("one\n")
        with open(file, "a", encoding="utf-8") as f:
            f.write("two\n")
        (self.mount / "file.tmp").write_text("three\n")
        os.replace(self.mount / "file.tmp", file)  # over a file that is there
        self.assertEqual((self.remote / "file").read_text(), "three\n")
        os.truncate(file, 2)
        os.chmod(file, 0o751)
        os.utime(file, (1_000_000_000, 1_000_000_001))
        there = (self.remote / "file").stat()
        self.assertEqual((there.st_size, there.st_mode & 0o777, int(there.st_mtime)), (2, 0o751, 1_000_000_001))
        os.symlink("file", self.mount / "link")
        self.assertEqual(os.readlink(self.remote / "link"), "file")
        os.link(file, self.mount / "hard")
        self.assertEqual((self.remote / "file").stat().st_nlink, 2)
        os.mkdir(self.mount / "directory")
        with self.assertRaises(FileExistsError):
            os.mkdir(self.mount / "directory")
        os.rmdir(self.mount / "directory")
        with self.assertRaises(FileNotFoundError):
            (self.mount / "absent").read_bytes()

    def test_large_files_and_room(self):
        data = os.urandom(20_000_000)
        (self.mount / "large").write_bytes(data)
        self.assertEqual((self.remote / "large").read_bytes(), data)
        self.assertEqual((self.mount / "large").read_bytes(), data)
        ours, theirs = os.statvfs(self.mount), os.statvfs(self.remote)
        self.assertEqual(ours.f_blocks * ours.f_frsize, theirs.f_blocks * theirs.f_frsize)

    def test_git_works_in_it(self):
        git = ("git", "-C", self.mount, "-c", "user.name=a", "-c", "user.email=a@b", "-c", f"safe.directory={self.mount}")
        run(*git, "init", "-q")
        for i in range(50):
            (self.mount / f"f{i}").write_text(str(i))
        run(*git, "add", ".")
        run(*git, "commit", "-q", "-m", "all")
        self.assertEqual(run(*git, "status", "--porcelain").text, "")
        run("git", "-C", self.remote, "-c", f"safe.directory={self.remote}", "fsck", "--strict")


if __name__ == "__main__":
    unittest.main()
