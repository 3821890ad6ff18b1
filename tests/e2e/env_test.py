"""`rdev env diff`: the environments of a job's sessions and of its own command, on `local` and in images;
and scp's old protocol there, which none of them has."""
import json
import os
import signal
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, tree
from lab.client import rdev, rdev_json, ssh, start, up
from lab.proc import eventually, processes, run

COMMAND = ["--", "sh", "-c", "env -0 > $HOME/of-the-command; sleep 1000"]


class OnLocal(unittest.TestCase):
    def up(self, name, *options):
        (Path(os.environ["HOME"]) / "of-the-command").unlink(missing_ok=True)
        up(self, name, "--cluster", "local", *options, *COMMAND)

    def start_up(self, text):
        """What bash reads as it is started by ssh."""
        rc = Path(os.environ["HOME"]) / ".bashrc"
        rc.write_text(text)
        self.addCleanup(rc.unlink)


class EnvDiff(OnLocal):
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

    def test_values_that_are_not_utf_8(self):
        self.start_up("export BAD=$'a\\xffb'\n")
        self.up("bytes")
        answer = json.loads(rdev("env", "diff", "bytes", "--json").out.decode())
        self.assertEqual([row["values"]["exec"] for row in answer["differences"]], ["a\ufffdb"])

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


class StartUpFilesInTheWay(OnLocal):
    """Start-up files that keep the shell from a quick and clean answer."""

    def check_nothing_is_left(self):
        for word in ("rdev-env", "sleep 1001"):
            eventually(lambda w=word: not processes(w), f"no {word} is left")

    def differ(self, start_up):
        """{who: note} and {variable: values}; nothing of the sessions may stay in the job."""
        self.start_up(start_up)
        self.up("in-the-way")
        answer = rdev_json("env", "diff", "in-the-way")
        self.check_nothing_is_left()
        return ({row["who"]: row["note"] for row in answer["environments"]},
                {row["name"]: row["values"] for row in answer["differences"]})

    def check_answered(self, start_up):
        notes, found = self.differ(start_up)
        self.assertEqual(set(notes.values()), {""})
        self.assertEqual(found, {"ADDED": {"pty": "1", "exec": "1", "sftp": None, "command": None}})

    def check_silent(self, start_up, who, found):
        notes, differences = self.differ(start_up)
        self.assertRegex(notes.pop(who), r"the job's shell.* took longer than 10\.0 s")
        self.assertEqual(set(notes.values()), {""})
        self.assertEqual(differences, found)

    def test_much_on_stderr(self):
        self.check_answered("yes noise | head -c 2000000 >&2; export ADDED=1; set -x\n")

    def test_a_background_process_that_holds_stdout(self):
        self.check_answered("sleep 1001 & export ADDED=1\n")

    def test_an_interrupt(self):
        self.start_up("[ -t 0 ] || sleep 1001\n")
        self.up("in-the-way")
        with start("env", "diff", "in-the-way") as diff:
            eventually(lambda: processes("sleep 1001"), "the start-up file runs")
            diff.signal(signal.SIGINT)
            self.assertEqual(diff.wait(), 130)
        self.check_nothing_is_left()

    def test_an_answer_that_breaks_off(self):
        notes, found = self.differ("env() { printf 'HALF=1\\0'; exit 0; }\n")
        self.assertEqual([who for who, note in notes.items() if "no shell answered" in note], ["pty", "exec"])
        self.assertEqual(found, {})

    def test_a_question(self):
        added = {"pty": None, "exec": "1", "sftp": None, "command": None}
        self.check_silent("read -p 'your name? ' x; export ADDED=1\n", "pty", {"ADDED": added})

    def test_a_program_that_does_not_end(self):
        added = {"pty": "1", "exec": None, "sftp": None, "command": None}
        self.check_silent("export ADDED=1; [ -t 0 ] || sleep 1001\n", "exec", {"ADDED": added})


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
