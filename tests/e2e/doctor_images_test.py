"""`rdev doctor NAME` of jobs on docker: what is in an image, found without running anything in it.

needs a real dockerd (lab/docker.py); images are made by lab/images.py.
"""
# needs: bookworm
import json
import tempfile
import unittest
from pathlib import Path

from lab import docker, images
from lab.client import rdev, up
from lab.proc import PLACE, run


def setUpModule():
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    for kind in images.KINDS:
        images.load(kind, 'CMD ["/no/such/command"]')


def tmpfs(options):
    """A directory of the machine to mount as /tmp."""
    path = Path(tempfile.mkdtemp(dir=PLACE / "tmp"))
    run("mount", "-t", "tmpfs", "-o", options, "none", path)
    return path


class Images(unittest.TestCase):
    def look(self, kind, name, *options, code=0):
        up(self, name, "--cluster", "docker", "--image", f"lab/{kind}:1", *options)
        rows = json.loads(rdev("doctor", name, "--json", code=code).text)
        rows = {row["check"]: row for row in rows}
        for stage in ("known here", "state", "endpoint", "link", "inside"):
            self.assertEqual(rows[f"job {name}: {stage}"]["status"], "ok", rows)
        return rows

    def status(self, rows, *checks):
        return [rows[check]["status"] for check in checks]

    def test_debian(self):
        rows = self.look("debian", "deb")
        self.assertEqual(self.status(rows, "shell", "libc", "tar", "/tmp", "home", "disk /", "disk /tmp"), ["ok"] * 7)
        self.assertEqual(rows["shell"]["detail"], "/bin/bash and /bin/sh")
        self.assertEqual(rows["libc"]["detail"], "glibc")
        self.assertEqual(self.status(rows, "download", "python3", "git", "fuse", "gpu", "locale"), ["warn"] + ["info"] * 5)
        self.assertIn("no curl and no wget", rows["download"]["detail"])

    def test_busybox(self):
        rows = self.look("busybox", "busy")
        self.assertEqual(self.status(rows, "shell", "tar", "download"), ["ok"] * 3)
        self.assertEqual(rows["libc"]["status"], "warn")
        self.assertIn("only static programs", rows["libc"]["detail"])

    def test_musl(self):
        rows = self.look("musl", "small")
        self.assertEqual(rows["libc"]["status"], "info")
        self.assertIn("musl", rows["libc"]["detail"])

    def test_one_static_program(self):
        rows = self.look("static", "static")
        self.assertEqual(self.status(rows, "shell", "libc", "tar", "download", "/tmp"), ["warn"] * 5)
        self.assertIn("rdev exec", rows["shell"]["detail"])
        self.assertIn("VS Code", rows["tar"]["detail"])
        self.assertIn("/tmp is not there", rows["/tmp"]["detail"])
        self.assertTrue(all(row["cure"] for row in rows.values() if row["status"] == "warn"))

    def mounted(self, name, options, *more):
        return self.look("busybox", name, "--mount", f"{tmpfs(options)}:/tmp", *more)

    def test_a_tmp_that_executes_nothing(self):
        rows = self.mounted("noexec", "noexec,mode=1777")
        self.assertEqual(rows["/tmp"]["status"], "warn")
        self.assertIn("noexec", rows["/tmp"]["detail"])

    def test_a_tmp_of_somebody_else(self):
        rows = self.mounted("theirs", "mode=755", "--user", "12345")
        self.assertIn("not yours", rows["/tmp"]["detail"])

    def test_a_read_only_image(self):
        template = Path(tempfile.mkdtemp()) / "t.yaml"
        template.write_text("read_only: true\n")
        rows = self.look("busybox", "fixed", "--template", template)
        self.assertEqual(self.status(rows, "/tmp", "disk /"), ["warn", "info"])
        self.assertIn("read-only", rows["/tmp"]["detail"])

    def test_a_disk_that_is_full(self):
        rows = self.look("busybox", "full", "--mount", f"{tmpfs('size=64k,mode=1777')}:/tmp", code=1)
        self.assertEqual(rows["disk /tmp"]["status"], "fail")


if __name__ == "__main__":
    unittest.main()
