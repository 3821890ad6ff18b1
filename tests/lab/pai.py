#!/usr/bin/python3
"""pai.py [NAME…]: the tests of OpenPAI against a real server, over the machine's own network. NAME is a part of the names of
those to run. --check says what is missing for that.

  RDEV_PAI_URL       the server, as `rdev cluster add --url` takes it
  RDEV_PAI_USER      who we are there
  RDEV_PAI_TOKEN     how that is shown; or RDEV_PAI_PASSWORD
  RDEV_PAI_VC        the virtual cluster of the jobs (default)
  RDEV_PAI_IMAGE     their image (that of jobtemplates/openpai.yaml)

One small job at a time, no GPU; those that are left when it ends or is interrupted are stopped. What takes faults of the fake is
not run, and said. Exit: 0 all passed, 1 some failed, 2 usage.
"""
import collections
import importlib.util
import os
import signal
import sys
import unittest
from pathlib import Path
from urllib.parse import urlsplit

LAB = Path(__file__).resolve().parent
SECONDS = 3600  # for all of it
LAST_SECONDS = 60  # of these, to stop what is left


class OutOfTime(KeyboardInterrupt):
    """No failure of the test that runs then: unittest ends."""


def outside(argv):
    wrong = missing(os.environ)
    if argv == ["--check"] and not wrong:
        return 0
    if wrong or any(word.startswith("-") for word in argv):
        print(f"{__doc__}\n{wrong}".rstrip(), file=sys.stderr)
        return 2
    os.environ.setdefault("RDEV_TEST_TIMEOUT", str(SECONDS))
    sys.stdout.flush()
    # Nothing stands between the terminal and run.py: an interrupted run stops its jobs.
    return os.execv(sys.executable, [sys.executable, LAB / "run.py", "--network", __file__, *argv])


def missing(env):
    for name in ("RDEV_PAI_URL", "RDEV_PAI_USER"):
        if not env.get(name):
            return f"{name} is not set"
    if not env.get("RDEV_PAI_TOKEN") and not env.get("RDEV_PAI_PASSWORD"):
        return "neither RDEV_PAI_TOKEN nor RDEV_PAI_PASSWORD is set"
    if "@" in urlsplit(env["RDEV_PAI_URL"]).netloc:
        return "RDEV_PAI_URL: no names or passwords in it, it is printed"
    return ""


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def single(suite):
    """The tests of a suite of suites."""
    for one in suite:
        yield from single(one) if isinstance(one, unittest.TestSuite) else (one,)


def why_of_the_fake(test):
    for place in (getattr(test, test.id().rsplit(".", 1)[1], None), type(test), sys.modules[type(test).__module__]):
        if why := getattr(place, "why_of_the_fake", None):
            return why
    return None


def selected(tests, names):
    """Those to run; what is not is printed."""
    asked = [test for test in tests if not names or any(word in test.id() for word in names)]
    if names:
        print(f"not asked for: {len(tests) - len(asked)} tests")
    reasons = collections.Counter(why_of_the_fake(test) for test in asked)
    kept = reasons.pop(None, 0)
    print(f"run: {kept} tests; left out: {reasons.total()}")
    for why, count in reasons.most_common():
        print(f"  {count}: {why}")
    return unittest.TestSuite(test for test in asked if not why_of_the_fake(test))


def main(argv):
    from lab.run import Timed
    loader = unittest.TestLoader()
    modules = [load(path) for path in sorted((LAB.parent / "e2e").glob("openpai*_test.py"))]
    tests = [test for module in modules for test in single(loader.loadTestsFromModule(module))]
    given = os.environ
    print(f"OpenPAI at {given['RDEV_PAI_URL']}, as {given['RDEV_PAI_USER']}, by {'token' if given_token() else 'password'}")
    suite = selected(tests, argv)
    sys.stdout.flush()
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(max(int(float(given["RDEV_TEST_TIMEOUT"])) - LAST_SECONDS, 1))
    try:
        result = unittest.TextTestRunner(resultclass=Timed, verbosity=2, warnings="ignore").run(suite)
    finally:
        signal.alarm(0)
        stop_what_is_left()
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}", file=sys.stderr)
    return 0 if result.testsRun and result.wasSuccessful() else 1


def given_token():
    from lab.openpai import TOKEN
    return TOKEN


def out_of_time(*_):
    raise OutOfTime("RDEV_TEST_TIMEOUT")


def stop_what_is_left():
    from lab.client import rdev
    from lab.proc import PATIENCE
    said = rdev("down", "--all", code=None, timeout=LAST_SECONDS / PATIENCE)
    if said.code:
        print(f"jobs may be left there, each until its time is over: {said.errors}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(outside(sys.argv[1:]))
