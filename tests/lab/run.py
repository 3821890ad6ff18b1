#!/usr/bin/python3
"""run.py [--network] FILE [unittest arguments]: runs a test file in a place of its own.
A file with a function `main(arguments)` is called there instead; its result is the exit code.

The place: new network (only lo, up), mount and pid namespaces, and an empty directory that holds
HOME, RDEV_HOME and TMPDIR. When the file ends, fails, or takes longer than RDEV_TEST_TIMEOUT
seconds (270), every process of the place is killed and nothing of it stays on the machine.
--network leaves it the machine's network, and tells it of a real cluster (lab/pai.py).

The programs under test are those in RDEV_BIN (build/bin).

A line `# needs: NAME…` in FILE names what lab/fetch.py has to provide before the network is gone.
Exit: 0 all tests passed, 1 some failed or none ran, 2 usage.
"""
import contextlib
import ctypes
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[0] = str(TESTS)  # not lab/ itself: its modules would hide the standard ones
sys.dont_write_bytecode = True

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc",
           "--propagation", "private"]
KEPT_ENV = ("RDEV_BIN", "RDEV_FRONT", "RDEV_SANITIZE", "RDEV_CACHE", "RDEV_LONG", "RDEV_SECONDS", "RDEV_SEED",
            "RDEV_TEST_TIMEOUT", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS")
# With --network only. There are secrets among them.
NETWORK_ENV = ("RDEV_PAI_URL", "RDEV_PAI_USER", "RDEV_PAI_TOKEN", "RDEV_PAI_PASSWORD", "RDEV_PAI_VC", "RDEV_PAI_IMAGE",
               "SSL_CERT_FILE", *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
               *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")))
# For an interrupted run to end jobs that are elsewhere.
GRACE_S = 60


def main(argv):
    if argv[:1] == ["--inside"]:
        return first_process(argv[1:])
    network = argv[:1] == ["--network"]
    file = argv[network:]
    if not file or file[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    if not Path(file[0]).is_file():
        print(f"run.py: there is no file {file[0]}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        return as_root(argv, network)
    return outside(file, network)


def as_root(argv, network):
    """Namespaces, other uids and a container engine take root: get it, or say so."""
    try:
        may = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        may = False
    if not may:
        print("run.py: these tests make namespaces, switch user ids and start a container engine, "
              "which takes root, and `sudo -n` is not allowed here. Run them as root.",
              file=sys.stderr)
        return 1
    kept = [f"{name}={os.environ[name]}" for name in KEPT_ENV if name in os.environ]
    # Not as arguments, which everybody on the machine may read.
    private = [f"--preserve-env={','.join(NETWORK_ENV)}"] if network else []
    return subprocess.run(["sudo", "-n", *private, "env", *kept, sys.executable, __file__, *argv],
                          check=False).returncode


def outside(argv, network):
    from lab import fetch
    needs = re.findall(r"^# needs: (.*)$", Path(argv[0]).read_text(), re.MULTILINE)
    for name in " ".join(needs).split():
        fetch.provide(name)
    limit = float(os.environ.get("RDEV_TEST_TIMEOUT", "270"))
    remove_abandoned()
    # Short, in /tmp: unix socket paths have 107 characters.
    place = Path(tempfile.mkdtemp(prefix="rl-", dir="/tmp"))
    place.chmod(0o755)
    lock = open(place / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        own_network = [] if network else ["--net"]
        inside = subprocess.Popen([*UNSHARE, *own_network, sys.executable, __file__, "--inside", *argv],
                                  env=environment(place, network), preexec_fn=die_with_parent)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            return inside.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            print(f"\nrun.py: {argv[0]} took longer than {limit:.0f} s: stopped", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            if network:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    inside.wait(timeout=GRACE_S)
            raise
        finally:
            inside.kill()  # and with it, by --kill-child, the first process and its namespace
            inside.wait()
    finally:
        remove(place)


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def remove_abandoned():
    """Places whose run.py was killed: nobody holds their lock."""
    for place in Path("/tmp").glob("rl-*"):
        with contextlib.suppress(OSError), open(place / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(place)


def environment(place, network):
    for name in ("home", "rdev", "tmp"):
        (place / name).mkdir()
    (place / "tmp").chmod(0o1777)
    kept = KEPT_ENV + (NETWORK_ENV if network else ())
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"PATH": os.environ.get("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), "LANG": "C.UTF-8",
            "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "TERM": "xterm",
            "RDEV_LAB_CACHE": str(cache_dir()), "RDEV_LAB": str(place), "HOME": str(place / "home"),
            "RDEV_HOME": str(place / "rdev"), "TMPDIR": str(place / "tmp")}
    env["RDEV_BIN"] = str(Path(env.get("RDEV_BIN", TESTS.parent / "build/bin")).resolve())
    return env


def cache_dir():
    from lab import fetch
    return fetch.cache_dir()


def remove(place):
    """The directory, and the control groups that a killed container engine left."""
    for _ in range(50):
        # Trees that are deeper than Python recurses are among what tests leave.
        subprocess.run(["rm", "-rf", "--", place], stderr=subprocess.DEVNULL, check=False)
        groups = [p for p in Path("/sys/fs/cgroup").glob(f"*/{place.name}")]
        groups += [p for p in Path("/sys/fs/cgroup").glob(place.name)]
        for group in groups:
            for path, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        if not place.exists() and not any(group.exists() for group in groups):
            return
        # The namespace's last processes are on their way out.
        time.sleep(0.1)
    print(f"run.py: could not remove {place}", file=sys.stderr)


def first_process(argv):
    """Process 1 of the place: lo up, the tests in a child, and every orphan reaped."""
    loopback_up()
    own_passwd(Path(os.environ["RDEV_LAB"]))
    tests = os.fork()
    if tests == 0:
        os._exit(run_tests(argv))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the tests' to end, and then the place does
    while True:
        pid, status = os.wait()
        if pid == tests:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 1


def loopback_up():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        siocsifflags, iff_up = 0x8914, 0x1
        fcntl.ioctl(s, siocsifflags, struct.pack("16sH14x", b"lo", iff_up))


def own_passwd(place):
    """Programs that ask passwd, not $HOME, get the place's home too; and there is a second user."""
    lines = Path("/etc/passwd").read_text().splitlines()
    kept = [line for line in lines if line.split(":")[0] not in ("root", "lab")]
    text = [f"root:x:0:0:root:{place}/home:/bin/bash", *kept, f"lab:x:4242:4242::{place}/lab:/bin/sh"]
    (place / "passwd").write_text("\n".join(text) + "\n")
    (place / "passwd").chmod(0o644)
    (place / "lab").mkdir(mode=0o700)
    os.chown(place / "lab", 4242, 4242)
    subprocess.run(["mount", "--bind", place / "passwd", "/etc/passwd"], check=True)


class Timed(unittest.TextTestResult):
    """Says how long each test took."""

    def startTest(self, test):  # noqa: N802 (the base class names it)
        self.started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):  # noqa: N802
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok {time.monotonic() - self.started:.1f} s")


def run_tests(argv):
    import faulthandler
    import importlib.util
    path = Path(argv[0]).resolve()
    limit = float(os.environ.get("RDEV_TEST_TIMEOUT", "270"))
    faulthandler.dump_traceback_later(max(limit - 5, 1))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        if hasattr(module, "main"):
            return module.main(argv[1:])
        program = unittest.main(module=module, argv=[path.name, "-v", *argv[1:]], exit=False,
                                testRunner=unittest.TextTestRunner(resultclass=Timed, verbosity=2, warnings="ignore"))
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except BaseException:
        import traceback
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    result = program.result
    if result.testsRun == 0:
        print("run.py: no test ran", file=sys.stderr)
        return 1
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}", file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
