"""`rdev env diff`: the environments of a job's sessions and of its own command, on `local` and in images;
and scp's old protocol there, which none of them has."""
import os
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, tree
from lab.client import rdev, rdev_json, ssh, up
from lab.proc import eventually, run

COMMAND = ["--", "sh", "-c", "env -0 > $HOME/of-the-command; sleep 1000"]


class EnvDiff(unittest.TestCase):
    def up(self, name, *options):
        (Path(os.environ["HOME"]) / "of-the-command").unlink(missing_ok=True)
        up(self, name, "--cluster", "local", *options, *COMMAND)

    def start_up(self, text):
        """What bash reads as it is started by ssh."""
        rc = Path(os.environ["HOME"]) / ".bashrc"
        rc.write_text(text)
        self.addCleanup(rc.unlink)

    def test_the_same(self):
        self.up("alike", "--env", "MINE=one two")
        done = rdev("env", "diff", "alike")
        self.assertRegex(done.text, r"^the same: pty, exec, sftp and command see \d+ variables alike")
        self.assertEqual(done.errors, "")
        answer = rdev_json("env", "diff", "alike")
        self.assertEqual((answer["name"], answer["same"], answer["differences"]), ("alike", True, []))
        self.assertEqual([row["who"] for row in answer["environments"]], ["pty", "exec", "sftp", "command"])
        self.assertEqual({row["note"] for row in answer["environments"]}, {""})
        self.assertGreater(answer["same_variables"], 3)
        self.assertLessEqual({"SSH_CLIENT", "SSH_TTY"}, set(answer["expected"]))

    def test_what_a_shells_start_up_file_changes_is_shown(self):
        self.start_up("echo noise; export ADDED='a\nb' PATH=/from/rc:$PATH\nunset GONE\n")
        self.up("changed", "--env", "GONE=was here", "--env", "API_TOKEN=hunter2",
                "--env", "STAYS=1")
        answer = rdev_json("env", "diff", "changed")
        self.assertFalse(answer["same"])
        found = {row["name"]: row["values"] for row in answer["differences"]}
        self.assertEqual(found["ADDED"], {"pty": "a\nb", "exec": "a\nb", "sftp": None, "command": None})
        self.assertEqual(found["GONE"], {"pty": None, "exec": None, "sftp": "was here", "command": "was here"})
        self.assertTrue(found["PATH"]["exec"].startswith("/from/rc:"))
        self.assertEqual(set(found), {"ADDED", "GONE", "PATH"})
        text = rdev("env", "diff", "changed").text
        self.assertRegex(text, r"GONE\n   pty, exec +\(unset\)\n   sftp, command +was here\n")

    def test_secrets(self):
        self.start_up("export API_TOKEN=hunter3\n")
        self.up("secret", "--env", "API_TOKEN=hunter2")
        for options in ((), ("--json",)):
            done = rdev("env", "diff", "secret", *options)
            self.assertIn("API_TOKEN", done.text)
            self.assertIn("(hidden 2)", done.text)
            self.assertNotIn("hunter", done.text + done.errors)
        self.assertRegex(rdev("env", "diff", "secret", "--show-secrets").text, "hunter3\n.*hunter2")

    def test_it_tells_what_processes_really_see(self):
        """The environments as the answer's sessions have them, and as the command wrote it down itself."""
        self.start_up("export ADDED=1\n")
        self.up("real", "--env", "MINE=1")
        file = Path(os.environ["HOME"]) / "of-the-command"
        written = eventually(lambda: file.exists() and file.read_text(), "the command has written it")
        self.assertIn("MINE=1\0", written)
        self.assertNotIn("ADDED", written)
        rdev("ssh-config", "--install")
        self.addCleanup(rdev, "ssh-config", "--uninstall")
        self.assertIn("ADDED=1\n", ssh("real", "env").text)
        found = rdev_json("env", "diff", "real")["differences"]
        self.assertEqual([row["name"] for row in found], ["ADDED"])

    def test_usage(self):
        for words in (("env",), ("env", "difference", "x"), ("env", "diff", "a b"), ("env", "diff", "x", "y")):
            self.assertTrue(rdev(*words, code=2).errors.strip())
        self.assertIn("no-such-job", rdev("env", "diff", "no-such-job", code=None).errors)
        self.assertIn("rdev env diff train", rdev("env", "--help").text)
        self.assertIn("diff", rdev("completion", "bash").text)


class InImages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        engine = docker.Dockerd()
        cls.addClassCleanup(engine.stop)
        rdev("ssh-config", "--install")
        cls.addClassCleanup(rdev, "ssh-config", "--uninstall")

    def check(self, image, notes):
        up(self, "contained", "--cluster", "docker", "--image", images.load(image), "--env", "MINE=1")
        answer = rdev_json("env", "diff", "contained")
        self.assertEqual([row["note"] != "" for row in answer["environments"]], notes)
        self.assertEqual(answer["differences"], [])
        # A container's command has no user by name.
        self.assertLessEqual({"USER", "LOGNAME"}, set(answer["expected"]))
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        run("scp", "-O", "-pr", source, "rdev-contained:/lab/copy")
        run("scp", "-O", "-pr", "rdev-contained:/lab/c*", work / "back")
        self.assertEqual(tree.facts(work / "back"), tree.facts(source))

    def test_busybox(self):
        self.check("busybox", [False] * 4)

    def test_without_a_shell(self):
        self.check("static", [True, True, False, False])


if __name__ == "__main__":
    unittest.main()
