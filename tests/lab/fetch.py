"""What tests need from outside, made once and kept in ${RDEV_CACHE:-~/.cache/rdev}: called by
run.py before it gives up the network. Mirrors and registries are the machine's own."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def cache_dir():
    if given := os.environ.get("RDEV_LAB_CACHE"):
        return Path(given)
    base = os.environ.get("RDEV_CACHE") or str(Path("~/.cache/rdev").expanduser())
    return Path(base).resolve()


def image_tar(name):
    return cache_dir() / "images" / f"{name}.tar"


def npm_modules():
    return cache_dir() / "npm" / "node_modules"


def provide(name):
    """Makes NAME unless it is there; an error says what failed."""
    with lock(name):
        {"bookworm": bookworm, "npm-ssh2": npm_ssh2}[name]()


@contextlib.contextmanager
def lock(name):
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / f".{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bookworm():
    tar = image_tar("bookworm")
    if tar.exists():
        return
    tar.parent.mkdir(parents=True, exist_ok=True)
    mirror = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
         "Codename: bookworm", "Label: Debian"], check=True, capture_output=True, text=True)
    mirrors = mirror.stdout.split()
    if not mirrors:
        raise RuntimeError("apt knows no Debian bookworm mirror: see /etc/apt/sources.list")
    print("fetch: debootstrap bookworm, once", file=sys.stderr)
    root = Path(tempfile.mkdtemp(prefix="rdev-bookworm-", dir=tar.parent))
    try:
        made = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root, mirrors[0]],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            raise RuntimeError(f"debootstrap failed:\n{made.stdout[-2000:]}")
        part = tar.with_suffix(".part")
        subprocess.run(["tar", "-C", root, "--numeric-owner", "--exclude=./var/cache/apt/archives/*.deb",
                        "--exclude=./var/lib/apt/lists/*", "--exclude=./dev/*", "--exclude=./proc/*",
                        "--exclude=./sys/*", "-cf", part, "."], check=True)
        part.rename(tar)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def npm_ssh2():
    """Without npm, or without its registry, the test that needs it fails and says so."""
    if (npm_modules() / "ssh2-sftp-client").is_dir() or not shutil.which("npm"):
        return
    npm_modules().parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
                           "--prefix", npm_modules().parent, "ssh2@1", "ssh2-sftp-client@11"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        print(f"fetch: npm install ssh2 ssh2-sftp-client failed:\n{made.stdout[-1000:]}", file=sys.stderr)
