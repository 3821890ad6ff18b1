"""Storages of a cluster: the fakes of Azure's blob service and of HDFS (tests/fakes/*.py)."""
import base64
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path

from lab.client import RDEV_HOME
from lab.proc import PLACE, Process, program, run

FAKES = Path(__file__).resolve().parent.parent / "fakes"
ACCOUNT, KEY, SAS = "acct", base64.b64encode(b"k" * 64).decode(), "sv=2019-12-12&sr=c&sig=a%2Bsecret%3D"


class Service:
    """A fake with POST /_fake/NAME (cutting.py)."""

    def __init__(self, program_file, *argv):
        self.state = Path(tempfile.mkdtemp(prefix="storage-", dir=PLACE))
        self.process = Process(sys.executable, FAKES / program_file, "--state", self.state, *argv)
        self.url = self.process.wait_for(r"http://\S+").group(0)

    def control(self, command, **body):
        request = urllib.request.Request(f"{self.url}/_fake/{command}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.kill()


def azure(page=3):
    service = Service("azure_blob.py", "--account", ACCOUNT, "--key", KEY, "--sas", "sig=a%2Bsecret%3D", "--page", str(page))
    os.environ["RDEV_AZURE_BLOB_ENDPOINT"] = f"{service.url}/{ACCOUNT}"
    return service


def webhdfs(page=3, *argv):
    service = Service("webhdfs.py", "--page", str(page), *argv)
    os.environ["RDEV_WEBHDFS_ENDPOINT"] = f"{service.url}/webhdfs/v1"
    return service


def blob_storage(container, **secret):
    return {"share": True, "default": False, "type": "azureBlob",
            "data": {"containerName": container, "accountName": ACCOUNT, **(secret or {"accountKey": KEY})}}


# A child's peak counts what it was forked from: that must be small.
WEIGHED = """import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))"""


def peak_mb(*argv):
    """What `rdev ARGV…` weighed at most, in MB; it ends well."""
    said = run(sys.executable, "-S", "-c", WEIGHED, program("rdev"), *argv, timeout=300)
    return float(said.text.splitlines()[-1])


def in_home(text):
    """Files of rdev's own that have it."""
    return [path for path in RDEV_HOME.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
