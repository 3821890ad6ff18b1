"""The fake of OpenPAI's server (tests/fakes/openpai), started for a test file."""
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path

from lab.proc import PLACE, Process

FAKE = Path(__file__).resolve().parent.parent / "fakes" / "openpai"
PASSWORDS = {"alice": "alice-password", "bob": "bob-password", "admin": "admin-password"}


class OpenPai:
    """With `docker` its tasks are containers of $DOCKER_HOST, else processes. `options` are those of `docker run`."""

    def __init__(self, docker=False, options=(), listen="127.0.0.1:0", node_ip="127.0.0.1", host=None, tls=None, shell="bash"):
        state = tempfile.mkdtemp(prefix="pai-", dir=PLACE)
        engine = ["--docker", os.environ["DOCKER_HOST"]] if docker else []
        secure = ["--tls", tls] if tls else []
        self.process = Process(*(host.wrap if host else ()), sys.executable, FAKE, "--listen", listen, "--state", state,
                               "--node-ip", node_ip, "--shell", shell, *engine, *secure, *(["--", *options] if options else []))
        self.url = self.process.wait_for(r"https?://\S+").group(0)

    def control(self, command, **body):
        """POST /_fake/COMMAND; faults.py says what there is."""
        request = urllib.request.Request(f"{self.url}/_fake/{command}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.popen.terminate()
        self.process.wait(30)
