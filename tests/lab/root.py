"""Small root file systems to chroot into, as an image would have them."""
import os
import shutil
import tempfile
from pathlib import Path

from lab.proc import SANITIZED, program, run

BUSYBOX = "/bin/busybox"  # Debian's busybox-static


def make(shell=True, programs=(), read_only=True, system=True):
    """A root with /rdev-agent, and busybox as a shell or only under the names of `programs`.
    /tmp does not execute; the rest cannot be written with `read_only`; /dev and /proc are there with
    `system`. The mounts end with the namespace. (A sanitizer build is dynamic: it gets its libraries.)"""
    root = Path(tempfile.mkdtemp(prefix="root-"))
    root.chmod(0o755)
    for name in ("bin", "dev", "etc", "proc", "tmp"):
        (root / name).mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:root:/nowhere:/bin/sh\nlab:x:4242:4242::/tmp:/bin/sh\n")
    # A foreign name service: an agent that followed it would load modules that are not there.
    (root / "etc/nsswitch.conf").write_text("passwd: sss ldap files\ngroup: sss files\nhosts: mdns files\n")
    for name in programs:
        shutil.copy(BUSYBOX, root / "bin" / name)
    if shell:
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for applet in run(BUSYBOX, "--list").text.split():
            if applet != "busybox":
                os.symlink("busybox", root / "bin" / applet)
    libraries = [part for part in ("lib", "lib64", "usr/lib") if SANITIZED and Path("/", part).is_dir()]
    for part in libraries:
        (root / part).mkdir(parents=True)
    (root / "rdev-agent").touch()
    (root / "authorized_keys").touch()
    if read_only:
        run("mount", "--bind", root, root)
        run("mount", "-o", "remount,bind,ro", root)
    run("mount", "--bind", program("rdev-agent"), root / "rdev-agent")
    for part in libraries:
        run("mount", "--bind", Path("/", part), root / part)
    run("mount", "-t", "tmpfs", "-o", "mode=1777,noexec", "none", root / "tmp")
    if system:
        run("mount", "--rbind", "/dev", root / "dev")
        run("mount", "--bind", "/proc", root / "proc")
    return root


def authorize(root, key):
    run("mount", "--bind", f"{key}.pub", root / "authorized_keys")
