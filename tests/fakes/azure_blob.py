"""python3 tests/fakes/azure_blob.py --state DIR --account A --key BASE64 [--sas QUERY] [--page N]: containers of Azure's blob
service, as its REST API reference (2019-12-12) says, at URL/ACCOUNT/CONTAINER; every container that is asked for is there."""
import argparse
import base64
import hashlib
import hmac
import os
import shutil
import threading
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import cutting

SIGNED_HEADERS = ("Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
                  "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range")


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Blobs:
    """On disk: blobs/NAME, blocks/NAME/ID, names encoded; their properties in memory."""

    def __init__(self, state, account, key, sas, page):
        self.state, self.account, self.key, self.sas, self.page = Path(state), account, base64.b64decode(key), sas, page
        self.properties, self.lock, self.edits = {}, threading.Lock(), 0
        for folder in ("blobs", "blocks", "new"):
            (self.state / folder).mkdir(parents=True)

    def path(self, name):
        return self.state / "blobs" / hashlib.sha256(name.encode()).hexdigest()

    def blocks(self, name):
        return self.state / "blocks" / hashlib.sha256(name.encode()).hexdigest()

    def new_file(self):
        with self.lock:
            self.edits += 1
            return self.state / "new" / str(self.edits)

    def commit(self, name, file, metadata):
        os.replace(file, self.path(name))
        with self.lock:
            self.edits += 1
            self.properties[name] = {"etag": f'"0x8D{self.edits:08X}"', "modified": formatdate(time.time(), usegmt=True),
                                     "size": self.path(name).stat().st_size, "meta": metadata}
        shutil.rmtree(self.blocks(name), ignore_errors=True)

    def remove(self, name):
        with self.lock:
            del self.properties[name]
        self.path(name).unlink()


class Handler(cutting.Handler):
    blobs = None

    def answer(self):
        try:
            self.check_signature()
            account, _, rest = self.path_text.lstrip("/").partition("/")
            container, _, name = rest.partition("/")
            if account != self.blobs.account or not container:
                raise Refused(404, "ResourceNotFound")
            self.container = container
            self.route(f"{container}/{name}" if name else "")
        except Refused as refused:
            body = f'<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>{refused.code}</Code><Message>No.</Message></Error>'
            self.send(refused.status, b"" if self.command == "HEAD" else b"\xef\xbb\xbf" + body.encode(), headers={"x-ms-error-code": refused.code})

    def check_signature(self):
        if self.headers.get("x-ms-version", "") < "2015-02-21":
            raise Refused(400, "MissingRequiredHeader")
        given = self.headers.get("Authorization")
        if given is None:
            wanted = dict(parse_qsl(self.blobs.sas or "")).items()
            if not self.blobs.sas or not wanted <= self.query.items():
                raise Refused(403, "AuthenticationFailed")
            return
        lines = [self.command]
        for name in SIGNED_HEADERS:
            value = self.headers.get(name, "")
            lines.append("" if name == "Content-Length" and value == "0" else value)
        names = sorted(name.lower() for name in self.headers if name.lower().startswith("x-ms-"))
        lines += [f"{name}:{self.headers[name]}" for name in names]
        lines.append(f"/{self.blobs.account}{self.raw_path}")
        lines += [f"{name.lower()}:{value}" for name, value in sorted(self.query.items())]
        mac = hmac.new(self.blobs.key, "\n".join(lines).encode(), hashlib.sha256).digest()
        if given != f"SharedKey {self.blobs.account}:{base64.b64encode(mac).decode()}":
            raise Refused(403, "AuthenticationFailed")

    def route(self, name):
        comp = self.query.get("comp")
        if not name:
            if self.command != "GET" or comp != "list" or self.query.get("restype") != "container":
                raise Refused(400, "InvalidQueryParameterValue")
            return self.list()
        calls = {("HEAD", None): self.get, ("GET", None): self.get, ("DELETE", None): self.delete, ("PUT", None): self.put,
                 ("PUT", "block"): self.put_block, ("PUT", "blocklist"): self.put_list, ("GET", "blocklist"): self.list_blocks}
        if (self.command, comp) not in calls:
            raise Refused(400, "UnsupportedHttpVerb")
        return calls[self.command, comp](name)

    def known(self, name):
        if name not in self.blobs.properties:
            raise Refused(404, "BlobNotFound")
        return self.blobs.properties[name]

    def metadata(self):
        return {name.lower()[10:]: value for name, value in self.headers.items() if name.lower().startswith("x-ms-meta-")}

    def get(self, name):
        known = self.known(name)
        headers = {"ETag": known["etag"], "Last-Modified": known["modified"], "x-ms-blob-type": "BlockBlob",
                   **{f"x-ms-meta-{key}": value for key, value in known["meta"].items()}}
        if self.headers.get("If-Match", known["etag"]) != known["etag"]:
            raise Refused(412, "ConditionNotMet")
        if self.command == "HEAD":
            return self.send(200, headers={**headers, "Content-Length": str(known["size"])})
        first = int((self.headers.get("x-ms-range") or self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        if first and first >= known["size"]:
            raise Refused(416, "InvalidRange")
        with open(self.blobs.path(name), "rb") as file:
            headers["Content-Range"] = f"bytes {first}-{known['size'] - 1}/{known['size']}"
            return self.send_file(206, file, first, known["size"] - first, headers)

    def delete(self, name):
        self.known(name)
        self.blobs.remove(name)
        self.send(202)

    def put(self, name):
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Refused(400, "MissingRequiredHeader")
        if self.headers.get("If-None-Match") == "*" and name in self.blobs.properties:
            raise Refused(409, "BlobAlreadyExists")
        self.blobs.commit(name, self.received(), self.metadata())
        self.send(201)

    def received(self):
        """The body, in a file."""
        path = self.blobs.new_file()
        with open(path, "wb") as file:
            for piece in self.pieces():
                file.write(piece)
        return path

    def put_block(self, name):
        ids = base64.b64decode(self.query["blockid"], validate=True)
        folder = self.blobs.blocks(name)
        folder.mkdir(exist_ok=True)
        if len(ids) > 64 or any(len(one.name) != 2 * len(ids) for one in folder.iterdir()):
            raise Refused(400, "InvalidBlobOrBlock")
        os.replace(self.received(), folder / ids.hex())
        self.send(201)

    def list_blocks(self, name):
        folder = self.blobs.blocks(name)
        if name not in self.blobs.properties and not folder.exists():
            raise Refused(404, "BlobNotFound")
        found = sorted(folder.iterdir()) if folder.exists() else []
        blocks = "".join(f"<Block><Name>{base64.b64encode(bytes.fromhex(one.name)).decode()}</Name><Size>{one.stat().st_size}</Size></Block>"
                         for one in found)
        self.send(200, f'<?xml version="1.0" encoding="utf-8"?>\n<BlockList><CommittedBlocks /><UncommittedBlocks>{blocks}'
                       "</UncommittedBlocks></BlockList>".encode())

    def put_list(self, name):
        folder, path = self.blobs.blocks(name), self.blobs.new_file()
        with open(path, "wb") as file:
            for element in ElementTree.fromstring(self.body()):
                part = folder / base64.b64decode(element.text).hex()
                if not part.exists():
                    raise Refused(400, "InvalidBlockList")
                with open(part, "rb") as block:
                    shutil.copyfileobj(block, file, cutting.PIECE)
                part.unlink()
        self.blobs.commit(name, path, self.metadata())
        self.send(201)

    def list(self):
        prefix = f"{self.container}/{self.query.get('prefix', '')}"
        delimiter, marker = self.query.get("delimiter"), unquote(self.query.get("marker", ""))
        entries = {}
        for name in sorted(self.blobs.properties):
            if name.startswith(prefix):
                end = name.find(delimiter, len(prefix)) if delimiter else -1
                entries.setdefault(name if end < 0 else name[:end + 1], end >= 0)
        names = [name for name in sorted(entries) if name > marker]
        size = min(int(self.query.get("maxresults", 5000)), self.blobs.page)
        shown, more = names[:size], names[size:]
        blobs = "".join(self.prefix(name) if entries[name] else self.blob(name) for name in shown)
        following = quote(shown[-1]) if more else ""
        self.send(200, f'\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName='
                       f'"{escape(self.container)}"><Blobs>{blobs}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>'.encode())

    def text(self, name):
        name = name[len(self.container) + 1:]
        if any(ord(c) < 32 for c in name):
            return f'<Name Encoded="true">{quote(name)}</Name>'
        return f"<Name>{escape(name)}</Name>"

    def prefix(self, name):
        return f"<BlobPrefix>{self.text(name)}</BlobPrefix>"

    def blob(self, name):
        known = self.blobs.properties[name]
        meta = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in known["meta"].items())
        return (f"<Blob>{self.text(name)}<Properties><Last-Modified>{known['modified']}</Last-Modified><Etag>{escape(known['etag'])}</Etag>"
                f"<Content-Length>{known['size']}</Content-Length><BlobType>BlockBlob</BlobType></Properties>"
                f"{f'<Metadata>{meta}</Metadata>' if meta else '<Metadata />'}</Blob>")


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--listen", default="127.0.0.1:0")
    for name in ("--state", "--account", "--key"):
        options.add_argument(name, required=True)
    options.add_argument("--sas")
    options.add_argument("--page", type=int, default=5000)
    given = options.parse_args()
    blobs = Blobs(given.state, given.account, given.key, given.sas, given.page)
    server = cutting.listen(Handler, given.listen, faults=cutting.Faults(), blobs=blobs)
    print(cutting.url_of(server), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
