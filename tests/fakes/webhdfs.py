"""python3 tests/fakes/webhdfs.py --state DIR [--page N] [--old]: a name node and a data node of HDFS, as Hadoop's documentation
of the WebHDFS REST API says. --old: without LISTSTATUS_BATCH (Hadoop before 2.9)."""
import argparse
import json
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import quote

import cutting

ROOT = "/webhdfs/v1"


class Refused(Exception):
    def __init__(self, status, name, message):
        super().__init__(message)
        self.status, self.name = status, name


class Handler(cutting.Handler):
    state, page, old, data_url = None, None, False, None  # data_url: None on the data node itself

    def answer(self):
        try:
            if not self.path_text.startswith(ROOT):
                raise Refused(404, "FileNotFoundException", "no such service")
            if not self.query.get("user.name"):
                raise Refused(401, "SecurityException", "who is it?")
            self.name = self.path_text[len(ROOT):] or "/"
            self.file = self.on_disk(self.name)
            self.operate(self.command, self.query.get("op", ""))
        except Refused as refused:
            self.say({"RemoteException": {"exception": refused.name, "javaClassName": f"org.apache.hadoop.{refused.name}",
                                          "message": str(refused)}}, refused.status)

    def on_disk(self, name):
        if ".." in name.split("/"):
            raise Refused(400, "IllegalArgumentException", "Invalid path name")
        return Path(f"{self.state}/root{name}")

    def say(self, value, status=200):
        self.send(status, json.dumps(value).encode(), "application/json")

    def operate(self, method, op):
        calls = {("GET", "GETFILESTATUS"): self.status, ("GET", "LISTSTATUS"): self.list, ("GET", "LISTSTATUS_BATCH"): self.list_batch,
                 ("GET", "OPEN"): self.open, ("PUT", "CREATE"): self.create, ("POST", "APPEND"): self.append,
                 ("PUT", "MKDIRS"): self.mkdirs, ("PUT", "RENAME"): self.rename, ("DELETE", "DELETE"): self.delete}
        if (method, op) not in calls or (self.old and op == "LISTSTATUS_BATCH"):
            raise Refused(400, "IllegalArgumentException", f'Invalid value for webhdfs parameter "op": {op}')
        if op in ("OPEN", "CREATE", "APPEND"):
            if self.data_url:
                return self.send_elsewhere()
        elif not self.data_url:
            raise Refused(400, "IllegalArgumentException", "a data node does not do this")
        return calls[method, op]()

    def send_elsewhere(self):
        if self.left:
            raise Refused(400, "IllegalArgumentException", "bytes go to a data node")
        if self.query["op"] in ("OPEN", "APPEND"):
            self.known()
        self.send(307, headers={"Location": f"{self.data_url}{self.raw_path}?{self.raw_query}&namenoderpcaddress=nn:9000"})

    def known(self):
        if not self.file.exists():
            raise Refused(404, "FileNotFoundException", f"File does not exist: {self.name}")
        return self.file

    def status_of(self, path, suffix):
        info = path.lstat()
        kind = "SYMLINK" if path.is_symlink() else "DIRECTORY" if path.is_dir() else "FILE"
        return {"pathSuffix": suffix, "type": kind, "length": info.st_size if kind == "FILE" else 0, "owner": "alice", "group": "g",
                "permission": "755", "modificationTime": info.st_mtime_ns // 1_000_000, "blockSize": 134217728, "replication": 3}

    def status(self):
        self.say({"FileStatus": self.status_of(self.known(), "")})

    def entries(self):
        if self.known().is_file():
            return [self.status_of(self.file, "")]
        return [self.status_of(self.file / name, name) for name in sorted(os.listdir(self.file))]

    def list(self):
        self.say({"FileStatuses": {"FileStatus": self.entries()}})

    def list_batch(self):
        left = [one for one in self.entries() if one["pathSuffix"] > self.query.get("startAfter", "")]
        self.say({"DirectoryListing": {"partialListing": {"FileStatuses": {"FileStatus": left[:self.page]}},
                                       "remainingEntries": max(0, len(left) - self.page)}})

    def mkdirs(self):
        try:
            self.file.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise Refused(403, "FileAlreadyExistsException", f"Path is not a directory: {self.name}") from None
        self.say({"boolean": True})

    def rename(self):
        target = self.on_disk(self.query["destination"])
        can = self.file.exists() and not target.exists() and target.parent.is_dir()
        if can:
            self.file.rename(target)
        self.say({"boolean": can})

    def delete(self):
        there = self.file.exists()
        if there and self.file.is_dir():
            if os.listdir(self.file) and self.query.get("recursive") != "true":
                raise Refused(403, "PathIsNotEmptyDirectoryException", f"{self.name} is non empty")
            shutil.rmtree(self.file)
        elif there:
            self.file.unlink()
        self.say({"boolean": there})

    def open(self):
        offset, size = int(self.query.get("offset", 0)), self.known().stat().st_size
        if offset > size:
            raise Refused(403, "IOException", f"Offset={offset} out of the range [0, {size})")
        with open(self.file, "rb") as file:
            self.send_file(200, file, offset, size - offset)

    def write(self, mode):
        with open(self.file, mode) as file:
            for piece in self.pieces():
                file.write(piece)

    def create(self):
        if self.file.exists() and self.query.get("overwrite") != "true":
            raise Refused(403, "FileAlreadyExistsException", f"{self.name} already exists")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.write("wb")
        self.send(201, headers={"Location": f"hdfs://nn:9000{quote(self.name)}"})

    def append(self):
        self.known()
        self.write("ab")
        self.send(200)


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--listen", default="127.0.0.1:0")
    options.add_argument("--state", required=True)
    options.add_argument("--page", type=int, default=1000)
    options.add_argument("--old", action="store_true")
    given = options.parse_args()
    Path(given.state, "root").mkdir(parents=True)
    common = {"faults": cutting.Faults(), "state": given.state, "page": given.page, "old": given.old}
    data = cutting.listen(Handler, "127.0.0.1:0", **common)
    threading.Thread(target=data.serve_forever, daemon=True).start()
    names = cutting.listen(Handler, given.listen, data_url=cutting.url_of(data), **common)
    print(cutting.url_of(names), flush=True)
    names.serve_forever()


if __name__ == "__main__":
    main()
