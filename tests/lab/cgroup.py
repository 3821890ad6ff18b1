"""Control groups of the place's own, of either version; run.py removes what is left of them."""
import contextlib
import os
from pathlib import Path

from lab.proc import eventually

ROOT = Path("/sys/fs/cgroup")
# Version 1 and 2.
NAMES = {"pids": ("pids.max", "pids.max"), "memory": ("memory.limit_in_bytes", "memory.max")}


class Group:
    """One controller's limit for the processes that are moved in, and for what they start."""

    def __init__(self, controller, name):
        v1 = ROOT / controller
        base = v1 if v1.is_dir() else ROOT
        if base == ROOT:
            with contextlib.suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
        self.place = base / Path(os.environ["RDEV_LAB"]).name
        self.path = self.place / name
        self.place.mkdir(exist_ok=True)
        if base == ROOT:
            (self.place / "cgroup.subtree_control").write_text(f"+{controller}")
        self.path.mkdir()
        self._limit = self.path / NAMES[controller][base == ROOT]

    def limit(self, value):
        self._limit.write_text(str(value))
        for name, most in (("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", value)):
            if self._limit.name.startswith("memory.") and (self.path / name).exists():
                (self.path / name).write_text(str(most))

    def add(self, *pids):
        for pid in pids:
            (self.path / "cgroup.procs").write_text(str(pid))

    def pids(self):
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def tasks(self):
        """Processes and threads: what pids.max counts."""
        return int((self.path / "pids.current").read_text())

    def remove(self):
        """Its processes go on without its limit."""
        root = self.place.parent / "cgroup.procs"

        def removed():
            for pid in self.pids():
                with contextlib.suppress(OSError):
                    root.write_text(str(pid))
            with contextlib.suppress(OSError):  # one has started another meanwhile
                os.rmdir(self.path)
            return not self.path.exists()
        eventually(removed, "the group is removed")
