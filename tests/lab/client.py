"""rdev as a user calls it, and stock ssh through the configuration that it installs."""
import json
import os
import unittest
from pathlib import Path

import jsonschema

from lab.proc import Process, parent, processes, program, run

HOME = Path(os.environ.get("HOME", "/nonexistent"))
RDEV_HOME = Path(os.environ.get("RDEV_HOME", "/nonexistent"))
SCHEMAS = Path(__file__).resolve().parent.parent.parent / "client/json"


def rdev(*argv, **how):
    return run(program("rdev"), *argv, **how)


def rdev_json(*argv, **how):
    """What it prints, held to its schema in client/json."""
    value = json.loads(rdev(*argv, "--json", **how).text)
    check_schema(argv, value)
    return value


def check_schema(argv, value):
    """A job's preview is no result: it is whatever the job is."""
    words = argv[:2] if argv[0] in ("cluster", "env", "job", "storage") else argv[:1]
    schema = SCHEMAS / f"{'-'.join(words)}.schema.json"
    if "--preview" not in argv:
        jsonschema.validate(value, json.loads(schema.read_text()))


def start(*argv, **how):
    return Process(program("rdev"), *argv, **how)


def ssh(name, *words, options=(), **how):
    """Stock ssh with nothing but the user's own configuration."""
    return run("ssh", "-o", "BatchMode=yes", *options, f"rdev-{name}", *words, **how)


def up_for_module(name):
    """For setUpModule()."""
    rdev("up", name)
    unittest.addModuleCleanup(rdev, "down", name, code=None)


def up(test, name, *argv, **how):
    """A job that ends with the test; the answer of `rdev up`."""
    test.addCleanup(rdev, "down", name, code=None)
    return rdev("up", name, *argv, **how)


def jobs(*argv):
    """{name: row} of `rdev ls --json`."""
    answer = rdev_json("ls", *argv)
    rows = answer["jobs"] if isinstance(answer, dict) else answer
    return {row["name"]: row for row in rows}


def ssh_settings(host):
    """What `ssh -G` makes of the configuration: {keyword: value}; asserts that it can be parsed."""
    lines = run("ssh", "-G", host).text.splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def agents():
    """Living agents of this place. A child of one looks like it until it executes its own program."""
    found = processes("rdev-agent serve") | processes("rdev-agent\0serve")
    parents = {pid: parent(pid) for pid in found}
    return {pid: line for pid, line in found.items() if parents[pid] is not None and found.get(parents[pid]) != line}
