"""Older servers, the tokens of applications, and a server that wants to be asked less often."""
import unittest

from lab.client import jobs, rdev, rdev_json, ssh, up
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import eventually

why_of_the_fake = "the fake is of the version that it is told to be"


def setUpModule():
    rdev("ssh-config", "--install")


def join(pai):
    return rdev("cluster", "add", "pai", "--url", pai.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})


class WithServer(unittest.TestCase):
    def setUp(self):
        self.pai = OpenPai()
        self.addCleanup(self.pai.stop)
        self.addCleanup(rdev, "cluster", "remove", "pai", code=None)

    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})


class Versions(WithServer):
    def works_with(self, version):
        self.pai.control("info", version=version)
        said = join(self.pai)
        self.assertIn("you are alice", said.text)
        up(self, "old", "--cluster", "pai", "--", "sh", "-c", "yes rdev | head -n 10000; echo the end; sleep 1000")
        self.assertEqual(ssh("old", "echo here").text, "here\n")
        self.assertEqual(rdev_json("status", "old")["state"], "running")
        # More than the 16 KiB that servers give out of themselves.
        eventually(lambda: "the end\n" in rdev("logs", "old").text, "the log comes")
        self.assertEqual(rdev("logs", "old").text.count("rdev\n"), 10000)
        rows = rdev_json("cluster", "show", "pai")
        self.assertEqual(rows["version"], version)
        self.assertIn("vc1", str(rows))
        rdev("down", "old")
        eventually(lambda: set(self.pai.control("jobs").values()) == {"STOPPED"}, "it is stopped there")

    def test_1_3_has_its_logs_elsewhere(self):
        self.works_with("v1.3.1")

    def test_1_0_has_no_events(self):
        self.works_with("v1.0.1")

    def test_0_17_has_half_of_the_calls(self):
        self.works_with("v0.17.0")


class Tokens(WithServer):
    def test_that_of_an_application(self):
        """It never expires, and is good for jobs only."""
        token = self.pai.control("token", user="alice")["token"]
        said = rdev("cluster", "add", "pai", "--url", self.pai.url, "--token-stdin", input=token).text
        self.assertIn("never expires", said)
        up(self, "app", "--cluster", "pai")
        self.assertEqual(ssh("app", "echo here").text, "here\n")
        shown = rdev("cluster", "show", "pai", code=1)
        self.assertIn("an application's token is not for this", shown.errors)
        self.assertIn(self.pai.url, shown.text)


class RateLimit(WithServer):
    def test_what_it_wants_is_said(self):
        join(self.pai)
        up(self, "asked", "--cluster", "pai")
        self.pai.control("limit", calls=0)
        self.addCleanup(self.pai.control, "limit", calls=600)
        self.assertRegex(rdev("cluster", "show", "pai", code=1).errors, "too (many|often)|again in")
        self.assertEqual(ssh("asked", "echo here").text, "here\n")  # needs no server


if __name__ == "__main__":
    unittest.main()
