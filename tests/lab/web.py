"""Small servers for tunnels: HTTP, and one that answers only after the client's half-close."""
import hashlib
import http.server
import socket
import socketserver
import struct
import threading
import unittest
import urllib.request
from contextlib import contextmanager


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Pages(http.server.BaseHTTPRequestHandler):
    """GET /N answers N bytes."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802 (the base class names it)
        body = b"x" * int(self.path.strip("/") or 0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Digest(socketserver.BaseRequestHandler):
    """Reads to the end of file, then answers the SHA-256 of it: works only with half-close."""

    def handle(self):
        digest = hashlib.sha256()
        while block := self.request.recv(65536):
            digest.update(block)
        self.request.sendall(digest.hexdigest().encode())


class Breaker(socketserver.BaseRequestHandler):
    """Sends something, then breaks the connection off."""

    def handle(self):
        self.request.sendall(b"half a page")
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ThreadedServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024  # with the default of 5 a burst of connections loses some


class PageServer(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


def listen_on(server, sock):
    """For a server that was made with bind_and_activate=False: a bound socket, perhaps of another machine of lab.netem."""
    server.socket.close()
    server.socket = sock
    server.server_activate()


def pages():
    return serving(PageServer(("127.0.0.1", 0), Pages))


def digests():
    return serving(ThreadedServer(("127.0.0.1", 0), Digest))


def of_module():
    """For setUpModule(): the ports of pages() and of digests(), until the module ends."""
    return [unittest.enterModuleContext(server()) for server in (pages, digests)]


def get(port, path, timeout=20):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=timeout) as answer:
        return answer.read()


def digest_through(port, data):
    """Sends data, half-closes, returns what came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while block := s.recv(4096):
            answer += block
        return answer.decode()


def free_port():
    """For programs that must be told one; nobody else is in this network namespace."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
