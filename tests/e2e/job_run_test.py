"""`rdev job run`: a command as a job, with files of ours; on the embedded cluster, docker's images, and OpenPAI."""
import json
import os
import tempfile
import unittest
from pathlib import Path

from lab import docker, images
from lab.client import RDEV_HOME, jobs, rdev, rdev_json, start
from lab.openpai import for_module, of_the_fake
from lab.proc import eventually, processes, run


def setUpModule():
    global pai
    pai = for_module()


class Runs(unittest.TestCase):
    def setUp(self):
        self.here = Path(tempfile.mkdtemp(prefix="s-"))
        self.addCleanup(run, "rm", "-rf", self.here)

    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})

    def run_job(self, *argv, code=0, **how):
        words = argv[:argv.index("--")] if "--" in argv else argv
        said = rdev("job", "run", *words, "--json", *argv[len(words):], code=code, timeout=120, **how)
        name = json.loads(said.text)["name"]
        self.addCleanup(rdev, "down", name, code=None)
        return name

    def ended(self, name):
        """Its exit code, once it has one."""
        eventually(lambda: rdev_json("status", name)["state"] == "ended", f"{name} has ended", timeout=60)
        return rdev_json("status", name)["exit_code"]

    def write(self, name, text, mode=0o644):
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def check_sources(self, *where):
        script = self.write("main.sh", "cat 'data dir/a b'; echo $1; cat big | wc -c; ls -a; exit 5\n", 0o755)
        self.write("data dir/a b", "hello\n")
        (self.here / "big").write_bytes(os.urandom(3_000_000))
        name = self.run_job(*where, "--source", script, "--source", self.here / "data dir", "--source", self.here / "big",
                            "--", "sh", "./main.sh", "it's $HOME")
        self.assertEqual(self.ended(name), 5)
        log = rdev("logs", name).text
        self.assertIn("hello\nit's $HOME\n3000000\n", log.replace("\r", ""))
        self.assertIn("data dir\n", log)
        self.assertEqual(list(RDEV_HOME.glob("state/sources.*")), [])
        return name


    def check_results(self, *where):
        """They come whole before the job ends, over what is there; rdev's exit code is the command's."""
        self.write("out/old", "stays\n")
        self.write("out/new", "before\n")
        make = "mkdir -p out/sub; echo after >out/new; echo $((6*7)) >'out/sub/a b'; cat big >out/big; echo made; exit 5"
        (self.here / "big").write_bytes(os.urandom(3_000_000))
        self.addCleanup(rdev, "down", "maker", code=None)
        said = rdev("job", "run", *where, "--name", "maker", "--source", "big", "--fetch", "out/", "--fetch", "/etc/hostname", "--",
                    "sh", "-c", make, cwd=self.here, code=5, timeout=120)
        self.assertIn("made\n", said.text.replace("\r", ""))
        self.assertIn("fetched out: 3 files, 3", said.errors)
        found = {str(path.relative_to(self.here)) for path in self.here.rglob("*") if path.is_file()}
        self.assertEqual(found, {"big", "hostname", "out/big", "out/new", "out/old", "out/sub/a b"})
        self.assertEqual([(self.here / "out" / name).read_text() for name in ("old", "new", "sub/a b")], ["stays\n", "after\n", "42\n"])
        self.assertEqual((self.here / "out/big").read_bytes(), (self.here / "big").read_bytes())
        self.assertEqual(rdev_json("status", "maker")["state"], "ended")


class Local(Runs):
    WHERE = ("--cluster", "local")

    def notebook(self, line, *argv, code=0):
        """One cell, run by a real nbconvert: what rdev says."""
        cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": [line]}
        self.write("my book.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
        self.addCleanup(rdev, "down", "book", code=None)
        return rdev("job", "notebook", "my book.ipynb", *self.WHERE, "--name", "book", "--python", "/usr/bin/python3", *argv,
                    cwd=self.here, code=code, timeout=120)

    def test_notebook(self):
        self.write("data", "words of a file")
        said = self.notebook("print(6 * 7, open('data').read())", "--source", "data")
        self.assertEqual(said.text.splitlines()[-1], str(self.here / "my book.html"))
        self.assertIn("42 words of a file", (self.here / "my book.html").read_text())

    def test_notebook_that_fails(self):
        self.assertIn("it ended with code 1", self.notebook("raise Exception('it is broken')", code=1).errors)
        self.assertIn("it is broken", rdev("logs", "book").text)
        self.assertFalse((self.here / "my book.html").exists())
        for given, why in (("none.ipynb", "there is no such file"), (__file__, "is no notebook")):
            self.assertIn(why, rdev("job", "notebook", given, code=2).errors)

    def test_sources(self):
        name = self.check_sources(*self.WHERE)
        row = rdev_json("history", name)[0]
        self.assertEqual((row["command"], row["options"]["command"]), ("run", ["sh", "./main.sh", "it's $HOME"]))

    def test_without_sources(self):
        name = self.run_job(*self.WHERE, "--name", "plain", "--", "sh", "-c", "exit 3")
        self.assertEqual((name, self.ended("plain")), ("plain", 3))

    def test_pip_and_python(self):
        self.write("pip", "#!/bin/sh\n", 0o755)
        python = self.write("my python", '#!/bin/sh\necho "PY $@"\n', 0o755)
        name = self.run_job(*self.WHERE, "--python", python, "--pip", "torch>=1.0", "--pip", "a b", "--", "python", "x.py")
        self.ended(name)
        self.assertIn("PY -m pip install --quiet torch>=1.0 a b\nPY x.py\n", rdev("logs", name).text.replace("\r", ""))

    def test_what_is_wrong(self):
        for argv, code, why in ((("--source", "/nonexistent", "--", "true"), 1, "there is no /nonexistent"), ((), 2, "a command is missing"),
                                (("--port", "web", "--", "true"), 2, "rdev forward reaches any port"),
                                (("--source", self.write("a", ""), "--source", self.write("b/a", ""), "--", "true"), 2, "two of them are called a")):
            self.assertIn(why, rdev("job", "run", *self.WHERE, *argv, code=code).errors)
        self.assertIn("only rdev job run takes a command", rdev("job", "list", "--", "x", code=2).errors)
        self.run_job(*self.WHERE, "--name", "there", "--", "sleep", "5000")
        self.assertIn("there is a job there already", rdev("job", "run", *self.WHERE, "--name", "there", "--", "true", code=1).errors)

    def test_sources_that_cannot_be_unpacked_leave_no_job(self):
        self.write("bin/tar", "#!/bin/sh\n[ \"$1\" = -cf ] && exec /usr/bin/tar \"$@\"; echo no room >&2; exit 1\n", 0o755)
        path = f"{self.here / 'bin'}:{os.environ['PATH']}"
        said = rdev("job", "run", *self.WHERE, "--name", "full", "--env", f"PATH={path}", "--source", self.write("x", "y"), "--", "true",
                    env={"PATH": path}, code=1, timeout=60)
        self.assertIn("the sources could not be unpacked in the job (code 1): no room", said.errors)
        self.assertEqual(jobs(), {})
        eventually(lambda: not processes("rdev-agent"), "no agent is left")

    def test_follow(self):
        self.addCleanup(rdev, "down", "seen", code=None)
        said = rdev("job", "run", *self.WHERE, "--name", "seen", "--follow", "--", "sh", "-c", "echo out; exit 5", code=5, timeout=60)
        self.assertEqual(said.text.replace("\r", ""), "out\n")
        self.assertIn("the job seen has ended: it ended with code 5", said.errors)
        said = rdev("job", "run", *self.WHERE, "--follow", "--json", "--", "true", code=2).errors
        self.assertRegex(said, r"^rdev job run: .* excludes .*\(rdev job run --help explains it\)")

    def test_follow_leaves_the_job(self):
        self.addCleanup(rdev, "down", "left", code=None)
        runner = start("job", "run", *self.WHERE, "--name", "left", "-f", "--", "sh", "-c", "echo begun; exec sleep 5000")
        eventually(lambda: "begun" in runner.output, "its log is there")
        runner.signal(2)
        self.assertEqual(runner.wait(30), 130)
        self.assertEqual(rdev_json("status", "left")["state"], "running")

    def test_results(self):
        self.check_results(*self.WHERE)
        self.assertEqual(rdev_json("history", "maker")[0]["options"]["fetch"], ["out", "/etc/hostname"])

    def fetch(self, *argv, code):
        """What it says, of a job that is gone then."""
        said = rdev("job", "run", *self.WHERE, "--name", "maker", *argv, cwd=self.here, code=code, timeout=60).errors
        rdev("down", "maker", code=None)
        return said

    def test_results_that_are_not_there(self):
        for command, code in ((("echo here >it",), 1), (("echo here >it; exit 4",), 4)):
            self.assertIn("there is no none in the job", self.fetch("--fetch", "none", "--fetch", "it", "--", "sh", "-c", *command, code=code))
            self.assertEqual((self.here / "it").read_text(), "here\n")
        for given, why in ((".", "has no name of its own"), ("/", "has no name of its own"), ("a/..", "has no name of its own")):
            self.assertIn(why, self.fetch("--fetch", given, "--", "true", code=2))
        self.assertIn("two of them are called it", self.fetch("--fetch", "it", "--fetch", "a/it/", "--", "true", code=2))

    def test_results_that_have_no_place_here(self):
        """The job keeps them."""
        self.write("out", "a file")
        runner = start("job", "run", *self.WHERE, "--name", "kept", "--fetch", "out", "--", "mkdir", "out", cwd=self.here)
        self.addCleanup(rdev, "down", "kept", code=None)
        self.assertEqual(runner.wait(30), 1)
        place = runner.wait_for(r"out is no folder here, in the job it is one(?:.|\n)* keeps the results: scp -r rdev-kept:(\S+)")[1]
        rdev("exec", "kept", "--", "test", "-d", place)
        self.assertEqual((self.here / "out").read_text(), "a file")

    def test_a_job_that_is_taken_down_has_no_results(self):
        runner = start("job", "run", *self.WHERE, "--name", "cut", "--fetch", "out", "--", "sh", "-c", "echo begun; sleep 5000")
        self.addCleanup(rdev, "down", "cut", code=None)
        runner.wait_for("begun")
        rdev("down", "cut")
        self.assertEqual(runner.wait(30), 1)
        eventually(lambda: not processes("sleep 5000"), "nothing of it is left")

    def test_interrupted_while_it_makes_them(self):
        runner = start("job", "run", *self.WHERE, "--name", "left", "--fetch", "out", "--", "sh", "-c", "echo begun; exec sleep 5000", cwd=self.here)
        self.addCleanup(rdev, "down", "left", code=None)
        runner.wait_for("begun")
        runner.signal(2)
        self.assertEqual(runner.wait(30), 130)
        runner.wait_for("left goes on: .* keeps the results: scp -r rdev-left:/tmp/rdev-run-")
        self.assertEqual(list(self.here.iterdir()), [])

    def test_interrupted_while_it_brings_them(self):
        self.write("bin/tar", "#!/bin/sh\n[ \"$1\" = -cf ] && exec /usr/bin/tar \"$@\"; exec sleep 1000\n", 0o755)
        path = f"{self.here / 'bin'}:{os.environ['PATH']}"
        runner = start("job", "run", *self.WHERE, "--name", "cut", "--env", f"PATH={path}", "--source", self.write("x", "y"), "--", "true",
                       env={"PATH": path})
        eventually(lambda: processes("sleep 1000"), "it is being unpacked")
        runner.signal(2)
        self.assertEqual(runner.wait(30), 130)
        self.assertEqual(jobs(), {})
        eventually(lambda: not processes("sleep 1000"), "nothing of it is left")


class Docker(Runs):
    @classmethod
    def setUpClass(cls):
        engine = docker.Dockerd()
        cls.addClassCleanup(engine.stop)
        images.load("busybox", 'CMD ["/no/such/command"]')

    def test_sources_in_busybox(self):
        self.check_sources("--cluster", "docker", "--image", "lab/busybox:1")

    def test_results_of_busybox(self):
        self.check_results("--cluster", "docker", "--image", "lab/busybox:1")


class OpenPai(Runs):
    WHERE = ("--cluster", "pai")

    def test_sources(self):
        self.check_sources(*self.WHERE, *pai.options)

    def test_ports_and_preview(self):
        said = rdev("job", "run", *self.WHERE, "--port", "web", "--port", "tb=2", "--pip", "torch", "--source", self.here, "--preview", "--",
                    "python", "train.py")
        self.assertRegex(said.text, r"web: 1\n +tb: 2\n")
        self.assertIn("-m pip install", said.text)

    def test_results(self):
        self.check_results(*self.WHERE, *pai.options)

    def test_follow(self):
        self.addCleanup(rdev, "down", "seen", code=None)
        said = rdev("job", "run", *self.WHERE, *pai.options, "--name", "seen", "-f", "--", "sh", "-c", "echo out; exit 5", code=5, timeout=120)
        self.assertIn("out\n", said.text.replace("\r", ""))
        self.assertIn("the job seen has ended", said.errors)

    @of_the_fake("takes four slots")
    def test_each_instance_gets_them(self):
        name = self.run_job(*self.WHERE, "--instances", "2", "--source", self.write("x", "seen\n"), "--", "sh", "-c", "cat x; exec sleep 5000")
        for rank in ("", ".1"):
            eventually(lambda: "seen" in rdev("logs", name + rank).text, "it got them", timeout=30)


if __name__ == "__main__":
    unittest.main()
