"""`rdev history`, and `rdev up --like`."""
import stat
import unittest

from lab.client import RDEV_HOME, rdev, rdev_json, up
from lab.proc import processes

FILE = RDEV_HOME / "state/history.json"


class History(unittest.TestCase):
    def tearDown(self):
        self.doCleanups()
        FILE.unlink(missing_ok=True)

    def test_like(self):
        up(self, "first", "--cluster", "local", "--env", "A=b c", "--env", "D=e", "--ttl", "3h", "--", "sleep", "7001")
        (row,) = rdev_json("history")
        self.assertEqual((row["command"], row["name"], row["cluster"]), ("up", "first", "local"))
        self.assertEqual(row["options"], {"cluster": "local", "env": ["A=b c", "D=e"], "ttl": "3h", "command": ["sleep", "7001"]})
        self.assertIn("--cluster local --ttl 3h --env 'A=b c' --env D=e -- sleep 7001", rdev("history").text)
        self.assertEqual(stat.S_IMODE(FILE.stat().st_mode), 0o600)
        up(self, "second", "--like", "first", "--ttl", "1h")
        self.assertEqual(rdev_json("history", "second")[0]["options"]["command"], ["sleep", "7001"])
        self.assertTrue(any(words.endswith("sleep 7001") for words in processes("sleep 7001").values()))
        self.assertEqual(rdev("exec", "second", "--", "sh", "-c", "echo $A $D").text, "b c e\n")
        up(self, "third", "--like", "second", "--env", "X=y", "--", "sleep", "7002")
        self.assertEqual(rdev("exec", "third", "--", "sh", "-c", "echo $A $X").text, "y\n")
        newest = rdev_json("history", "--limit", "1")[0]
        self.assertEqual(newest["options"], {"cluster": "local", "env": ["X=y"], "ttl": "1h", "command": ["sleep", "7002"]})
        self.assertEqual([row["name"] for row in rdev_json("history", "second")], ["second"])

    def test_a_job_that_is_joined_again_is_not_submitted_again(self):
        up(self, "once", "--cluster", "local")
        up(self, "once", "--cluster", "local")
        self.assertEqual(len(rdev_json("history")), 1)

    def test_nothing_there(self):
        self.assertIn("nothing was submitted from here", rdev("history").errors)
        self.assertEqual(rdev_json("history"), [])
        self.assertIn("rdev up has started no job nothing", rdev("up", "x", "--like", "nothing", code=1).errors)

    def test_a_broken_file_does_not_keep_a_job_from_starting(self):
        FILE.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        FILE.write_text("[")
        self.assertIn("is not the history that rdev wrote", rdev("history", code=1).errors)
        self.assertIn("it is not in the history", up(self, "x", "--cluster", "local").errors)
        self.assertEqual(FILE.read_text(), "[")


if __name__ == "__main__":
    unittest.main()
