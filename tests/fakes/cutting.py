"""What the fakes of storages share: bodies that are counted, never held, and cut off where a test says. POST /_fake/NAME:

  cut {method, query, after, count, hold}   the next COUNT bodies of more than AFTER bytes, of requests with this method
                                            whose query has this text, end there, with the connection; with `hold` the
                                            fake prints "held" and waits for `clear` before
  bytes {}                            {received, sent} bytes of bodies since the last time
  requests {}                         [[method, path with query]] since the last time
  clear {}                            no more cuts, and go on where one is held; answers with how many were left
"""
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

PIECE = 65536


class Cut(Exception):
    """The connection ends within a body."""


class Faults:
    def __init__(self):
        self.lock, self.cuts, self.count, self.requests = threading.Lock(), [], {"received": 0, "sent": 0}, []
        self.released = threading.Event()

    def control(self, name, body):
        with self.lock:
            if name == "cut":
                self.released.clear()
                self.cuts.append({"method": "GET", "query": "", "count": 1, "hold": False, **body})
            elif name == "clear":
                left = sum(cut["count"] for cut in self.cuts)
                self.cuts.clear()
                self.released.set()
                return {"left": left}
            elif name == "bytes":
                said, self.count = self.count, {"received": 0, "sent": 0}
                return said
            elif name == "requests":
                said, self.requests = self.requests, []
                return said
            else:
                raise KeyError(name)
            return {}

    def cut_of(self, method, query, length):
        """The cut that ends this body, or None."""
        with self.lock:
            for cut in self.cuts:
                if cut["count"] > 0 and cut["method"] == method and cut["query"] in query and length > cut["after"]:
                    cut["count"] -= 1
                    return cut
        return None

    def end(self, cut):
        """The body has come to where it is cut."""
        if cut["hold"]:
            print("held", flush=True)
            self.released.wait()
        raise Cut

    def add(self, which, count):
        with self.lock:
            self.count[which] += count


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults = None  # of the class that serve() makes

    def log_message(self, *_):
        pass

    def _serve(self):
        parts = urlsplit(self.path)
        self.raw_path, self.path_text, self.raw_query = parts.path, unquote(parts.path), parts.query
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.left = int(self.headers.get("Content-Length", 0))
        try:
            if self.path_text.startswith("/_fake/"):
                body = json.loads(self.rfile.read(self.left) or b"{}")
                self.left = 0
                return self.send(200, json.dumps(self.faults.control(self.path_text[7:], body)).encode(), "application/json")
            with self.faults.lock:
                self.faults.requests.append([self.command, self.path])
            self.answer()
            for _ in self.pieces():  # what a refusal has not read
                pass
        except (Cut, BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def pieces(self):
        """The request's body."""
        cut = self.faults.cut_of(self.command, self.raw_query, self.left)
        left = cut["after"] if cut else self.left
        while left > 0:
            piece = self.rfile.read1(min(PIECE, left))
            if not piece:
                raise Cut
            left -= len(piece)
            self.left -= len(piece)
            self.faults.add("received", len(piece))
            yield piece
        if cut:
            self.faults.end(cut)

    def body(self):
        """The same, of a request that is small."""
        return b"".join(self.pieces())

    def send(self, status, body=b"", kind="application/xml", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, status, file, offset, length, headers=()):
        self.send_response(status)
        for name, value in {**dict(headers), "Content-Type": "application/octet-stream", "Content-Length": length}.items():
            self.send_header(name, str(value))
        self.end_headers()
        cut = self.faults.cut_of(self.command, self.raw_query, length)
        left = cut["after"] if cut else length
        file.seek(offset)
        while left > 0:
            piece = file.read(min(PIECE, left))
            self.wfile.write(piece)
            self.faults.add("sent", len(piece))
            left -= len(piece)
        if cut:
            self.faults.end(cut)


def listen(handler, address, **of_class):
    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), type("Bound", (handler,), of_class))
    server.daemon_threads = True
    return server


def url_of(server):
    return f"http://{server.server_address[0]}:{server.server_address[1]}"
