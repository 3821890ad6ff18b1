"""An agent without a cluster behind the front of a laptop: `rdev connect` of a job record that leads to it. With
RDEV_FRONT=1 the interop tests come in that way, and so see what stock SSH sees when it ends on the laptop."""
import json
import os
import shutil
import tempfile
from pathlib import Path

from lab import web
from lab.proc import Process, only_if, program
from lab.ssh import Target

FRONT = bool(os.environ.get("RDEV_FRONT"))
# A decorator of classes: what is about a stock sshd, with no agent in it, is the same without a front, and runs there.
without_front = only_if(not FRONT)


class Front:
    """Runs until end(). `endpoint` as in a job record: tcp:HOST:PORT or unix:PATH."""

    def __init__(self, host_key, key, endpoint, job_name="lab", user="rdev"):
        self.home = Path(tempfile.mkdtemp(prefix="f-"))
        directory = self.home / "state/jobs" / job_name
        directory.mkdir(parents=True)
        for path in (self.home, *directory.parents, directory):
            if path.is_relative_to(self.home):
                path.chmod(0o700)
        shutil.copy(key, directory / "key")
        (directory / "key").chmod(0o600)
        record = {"name": job_name, "id": "0", "cluster": "docker" if endpoint.startswith("tcp:") else "local",
                  "user": user, "host_public_key": host_key, "endpoints": [endpoint], "stage": "running"}
        (directory / "job.json").write_text(json.dumps(record))
        self.port = web.free_port()
        self.process = Process(program("rdev"), "connect", "--json", "--port", str(self.port), job_name,
                               env={"RDEV_HOME": str(self.home)})
        try:
            answer = json.loads(self.process.wait_for(r"(?m)^\{.*\}$")[0])
        except BaseException:
            self.process.kill()
            raise
        self.target = Target(port=self.port, host_key=answer["host_key"], key=Path(key), user=user)

    def end(self):
        self.process.kill()
