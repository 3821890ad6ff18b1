"""`rdev doctor` as tests ask it: what is not well, and how long it took to say so."""
import json
import shutil
import socket
import time
import unittest

from lab.client import HOME, check_schema, rdev
from lab.proc import PATIENCE

SSH_CONFIG = HOME / ".ssh/config"


def doctor(env=None, code=None):
    """{check: row}; more rows of one check are told of as one."""
    began = time.monotonic()
    done = rdev("doctor", "--json", env=env, code=code)
    took = time.monotonic() - began
    assert took < 2 * PATIENCE, f"rdev doctor took {took:.1f} s"
    rows = json.loads(done.text)
    check_schema(("doctor",), rows)
    bad = [row for row in rows if row["status"] == "fail"]
    assert done.code == (1 if bad else 0), done
    assert all(row["cure"] for row in rows if row["status"] in ("warn", "fail")), rows
    return {row["check"]: row for row in rows}


def not_well(rows):
    return {check: row["status"] for check, row in rows.items() if row["status"] in ("warn", "fail")}


def with_include():
    shutil.rmtree(SSH_CONFIG.parent, ignore_errors=True)
    rdev("ssh-config", "--install")


class Faults(unittest.TestCase):
    """With `only`: exactly this line is not well, and it says so."""

    def setUp(self):
        with_include()

    def only(self, check, status, detail, env=None):
        rows = doctor(env)
        self.assertEqual(not_well(rows), {check: status}, [row for row in rows.values() if row["status"] in ("warn", "fail")])
        self.assertRegex(rows[check]["detail"], detail)
        return rows


class silent:
    """A port that takes connections and says nothing."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()
