"""Container images without a registry. Each has the static program /lab/app (app.c) beside what its
name says: busybox (no libc), musl (its loader, too), debian (debootstrap minbase), static (no shell,
nothing else at all)."""
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lab import fetch
from lab.proc import run
from lab.root import BUSYBOX

KINDS = ("busybox", "musl", "debian", "static")


def app():
    """The static program, compiled once a test file."""
    path = Path(tempfile.gettempdir()) / "lab-app"
    if not path.exists():
        compiler = next(c for c in ("cc", "gcc", "clang", "clang-19") if shutil.which(c))
        run(compiler, "-O2", "-static", "-o", path, Path(__file__).with_name("app.c"))
    return path


class Tar:
    def __init__(self, file):
        self.tar = tarfile.open(fileobj=file, mode="w")

    def add(self, name, content=b"", kind=tarfile.REGTYPE, mode=0o755, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(content), link
        self.tar.addfile(info, io.BytesIO(content))

    def directory(self, name, mode=0o755):
        self.add(name, kind=tarfile.DIRTYPE, mode=mode)


def write_tar(kind, file):
    tar = Tar(file)
    tar.directory("lab")
    tar.add("lab/app", app().read_bytes())
    if kind in ("busybox", "musl"):
        for name in ("bin", "etc", "proc", "sys", "dev", "usr", "var"):
            tar.directory(name)
        tar.directory("tmp", 0o1777)
        tar.directory("root", 0o700)
        tar.add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", mode=0o644)
        tar.add("etc/group", b"root:x:0:\n", mode=0o644)
        tar.add("bin/busybox", Path(BUSYBOX).read_bytes())
        for applet in run(BUSYBOX, "--list").text.split():
            if applet != "busybox":
                tar.add(f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
    if kind == "musl":
        tar.directory("lib")
        tar.add("lib/ld-musl-x86_64.so.1", Path("/lib/ld-musl-x86_64.so.1").read_bytes())
        tar.add("lib/libc.musl-x86_64.so.1", kind=tarfile.SYMTYPE, link="ld-musl-x86_64.so.1")
    tar.tar.close()


def load(kind, *changes, tag=None):
    """Imports an image into the engine of $DOCKER_HOST; its name. `changes`: 'CMD ["x"]', …"""
    name = tag or f"lab/{kind}:1"
    options = [word for change in changes for word in ("--change", change)]
    with tempfile.TemporaryFile() as file:
        if kind == "debian":
            run("docker", "import", fetch.image_tar("bookworm"), "lab/bookworm:1", timeout=120)
            return build("\n".join(["FROM lab/bookworm:1", "COPY app /lab/app", *changes]), name)
        write_tar(kind, file)
        file.seek(0)
        subprocess.run(["docker", "import", *options, "-", name], stdin=file, check=True,
                       stdout=subprocess.DEVNULL, env=os.environ)
    return name


def build(dockerfile, tag):
    """An image from a Dockerfile's text, FROM one of the others."""
    with tempfile.TemporaryDirectory() as context:
        (Path(context) / "Dockerfile").write_text(dockerfile)
        shutil.copy(app(), Path(context) / "app")
        run("docker", "build", "-q", "-t", tag, context, env={"DOCKER_BUILDKIT": "0"})
    return tag
