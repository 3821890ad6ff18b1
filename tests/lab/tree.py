"""A tree of files with everything that copying may lose, and how to compare two of them."""
import hashlib
import os
import stat
from pathlib import Path


def make(root):
    root = Path(root)
    (root / "sub/deep").mkdir(parents=True)
    (root / "empty dir").mkdir()
    files = {"a.txt": b"hello\n", "empty": b"", "sub/big.bin": os.urandom(3 * 1024 * 1024 + 17),
             "sub/deep/name with spaces, 'quotes' and \u00fc": b"x" * 70000, "run.sh": b"#!/bin/sh\n"}
    for name, content in files.items():
        (root / name).write_bytes(content)
    for i in range(60):
        (root / "sub" / f"small-{i}").write_bytes(b"%d" % i)
    (root / "run.sh").chmod(0o755)
    (root / "a.txt").chmod(0o640)
    (root / "sub/deep").chmod(0o750)
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (1_600_000_000, 1_600_000_000 + len(path.name)))
    os.utime(root, (1_600_000_000, 1_600_000_000))
    return root


def facts(root, modes=True, mtimes=True):
    """{relative name: (kind, hash, mode, mtime)}"""
    found = {}
    for path in sorted(Path(root).rglob("*")):
        s = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(s.st_mode) else ""
        is_dir = stat.S_ISDIR(s.st_mode)
        found[str(path.relative_to(root))] = (
            stat.S_IFMT(s.st_mode), content, stat.S_IMODE(s.st_mode) if modes else 0,
            int(s.st_mtime) if mtimes and not is_dir else 0)
    return found
