"""Defaults: `rdev set`, `get`, `unset` and `trust`, and the jobs that they make."""
import os
import shutil
import unittest

from lab.client import RDEV_HOME, rdev, rdev_json
from lab.proc import PLACE

CONFIG = RDEV_HOME / "config/config.yaml"


class Defaults(unittest.TestCase):
    def setUp(self):
        self.project = PLACE / "project"
        self.below = self.project / "src"
        self.below.mkdir(parents=True)
        self.file = self.project / ".rdev.yaml"

    def tearDown(self):
        self.doCleanups()
        shutil.rmtree(self.project)
        for file in (CONFIG, RDEV_HOME / "state/trusted.json", RDEV_HOME / "state/history.json"):
            file.unlink(missing_ok=True)

    def rdev(self, *argv, **how):
        return rdev(*argv, cwd=self.below, **how)

    def rows(self, *argv):
        return {row["key"]: row for row in rdev_json("get", *argv, cwd=self.below)}

    def test_from_where_each_comes(self):
        self.file.write_text("# ours\nimage: python:3.12\n")
        self.assertIn(f"gpus is '1' in {self.file}", self.rdev("set", "gpus=1", "pip=torch", "pip=numpy").errors)
        self.rdev("set", "-g", "cluster=docker", "gpus=4", "ttl=2h")
        self.rdev("set", "pip+=scipy")
        self.assertEqual(self.file.read_text(),
                         "# ours\nimage: python:3.12\ngpus: 1\npip:\n  - torch\n  - numpy\n  - scipy\n")
        rows = self.rows()
        found = {key: (row["value"], row["from"], row["file"]) for key, row in rows.items()}
        self.assertEqual(found, {
            "cluster": ("docker", "user", str(CONFIG)),
            "image": ("python:3.12", "project", str(self.file)),
            "gpus": ("1", "project", str(self.file)),
            "ttl": ("2h", "user", str(CONFIG)),
            "inject": ("stub", "built-in", None),
            "attach-timeout": ("15m", "built-in", None),
            "pip": (["torch", "numpy", "scipy"], "project", str(self.file)),
        })
        self.assertEqual(self.rows("-g")["gpus"]["value"], "4")
        self.assertEqual(self.rdev("get", "pip").text, "torch\nnumpy\nscipy\n")
        self.assertRegex(self.rdev("get").text, rf"(?m)^gpus +1 +{self.file}$")
        self.assertIn("vc", self.rdev("get", "--all").text)
        self.rdev("unset", "gpus")
        self.assertEqual(self.rdev("get", "gpus").text, "4\n")
        self.rdev("unset", "-g", "gpus")
        self.assertIn("gpus has no default here", self.rdev("get", "gpus", code=1).errors)
        self.assertIn(f"{self.file} sets no gpus", self.rdev("unset", "gpus", code=1).errors)

    def test_a_job_of_defaults(self):
        self.file.write_text("ttl: 7h\nimage: only-for-containers\n")
        self.rdev("set", "-g", "env=A=b", "env=C=d e")
        self.addCleanup(rdev, "down", "made", code=None)
        made = self.rdev("up", "made")
        self.assertIn(f"with ttl of {self.file}", made.errors)
        self.assertNotIn("image", made.errors)
        self.assertEqual(self.rdev("exec", "made", "--", "sh", "-c", "echo $A $C").text, "b d e\n")
        self.assertEqual(rdev_json("history")[0]["options"], {"ttl": "7h", "env": ["A=b", "C=d e"]})
        self.addCleanup(rdev, "down", "like", code=None)
        self.rdev("unset", "-g", "env")
        self.assertNotIn("with ttl", self.rdev("up", "like", "--like", "made", "--ttl", "1h").errors)
        self.assertEqual(self.rdev("exec", "like", "--", "sh", "-c", "echo $A").text, "b\n")

    def test_a_run_of_defaults(self):
        (self.project / "hello.py").write_text("import this_is_not_there\n")
        self.file.touch()
        self.rdev("set", "source=../hello.py", "ttl=1s")
        self.assertIn("- hello.py\n", self.file.read_text())
        self.addCleanup(rdev, "down", "ran", code=None)
        self.rdev("job", "run", "--name", "ran", "--", "sh", "-c", "test -f hello.py && echo it is there")
        self.assertIn("it is there", self.rdev("logs", "ran", "-f").text)
        self.assertEqual(rdev_json("history", "ran")[0]["options"]["ttl"], "none")  # ttl is of rdev up

    def test_a_project_that_is_not_trusted(self):
        self.file.write_text("ttl: 2h\nenv: [HOME]\ncluster: local\n")
        self.addCleanup(rdev, "down", "x", code=None)
        refused = self.rdev("up", "x", code=1)
        self.assertIn(f"{self.file} chooses 'cluster', and you have not said that you trust it: read it, then rdev trust",
                      refused.errors)
        self.assertEqual(rdev_json("ls"), [])
        self.assertIn("chooses 'env'", self.rdev("up", "x", "--cluster", "local", code=1).errors)
        self.assertFalse(self.rows()["env"]["trusted"])
        self.assertIn("(not trusted)", self.rdev("get").text)
        self.assertIn("is not trusted", self.rdev("set", "gpus=1").errors)
        self.assertIn("chooses 'cluster'", self.rdev("up", "x", code=1).errors)
        self.assertIn("it chooses cluster, env", self.rdev("trust").errors)
        self.assertEqual(self.rdev("trust", "--list").text, f"{self.file}\n")
        self.rdev("set", "ttl=3h")  # what the user sets stays trusted
        self.rdev("up", "x")
        self.file.write_text("cluster: docker\nmount: ['/:/host']\n")
        self.assertIn("has changed since you trusted it", self.rdev("up", "y", code=1).errors)
        self.rdev("trust")
        self.assertIn("is not trusted any more", self.rdev("trust", "--revoke", str(self.project)).errors)
        self.assertIn("have not said", self.rdev("job", "list", code=1).errors)

    def test_files_of_others_are_not_used(self):
        self.file.write_text("ttl: 2h\n")
        os.chmod(self.file, 0o666)
        self.assertIn("can be written by everybody", self.rdev("get").errors)
        self.assertEqual(self.rows()["ttl"]["value"], "5h")
        os.chmod(self.file, 0o644)
        os.chown(self.file, 1234, 1234)
        self.assertIn("belongs to another user: it is not used", self.rdev("get").errors)
        self.assertEqual(self.rows()["ttl"]["value"], "5h")
        self.assertIn("belongs to another user", self.rdev("set", "ttl=1h", code=1).errors)

    def test_errors(self):
        for words, sentence in {
            ("gpus=lots",): "gpus: 'lots' is not a number of GPUs",
            ("gpus",): "write KEY=VALUE",
            ("gpu=1",): "'gpu': it is called gpus here",
            ("workspace=x",): "set storage=NAME here",
            ("imag=x",): "did you mean 'image'?",
            ("cluster=nowhere",): "there is no cluster 'nowhere'",
            ("image+=x",): "image is no list",
            ("ttl=1h", "ttl=2h"): "ttl is there twice",
            ("pip=",): "pip: must not be empty",
        }.items():
            self.assertIn(sentence, self.rdev("set", *words, code=2).errors)
        self.assertFalse(self.file.exists())
        self.file.write_text("{ttl: 1h, gpus: 1}\n")
        self.assertIn("by hand", self.rdev("set", "ttl=2h", code=2).errors)
        self.file.write_text("ttl: soon\n")
        self.assertIn(f"{self.file}:1:6: ttl: 'soon'", self.rdev("up", "x", code=2).errors)
        self.assertIn("there is no .rdev.yaml", rdev("trust", RDEV_HOME, code=1).errors)

    def test_pais_names(self):
        """What `pai set` knew is said to be called."""
        for old in ("cluster-alias", "virtual-cluster", "storage-alias", "workspace", "container-sdk-branch", "gpu",
                    "cpu", "mem", "memoryMB", "sources", "pip-installs", "clusters-in-local"):
            self.assertNotIn("has no default", self.rdev("set", f"{old}=x", code=2).errors)


if __name__ == "__main__":
    unittest.main()
