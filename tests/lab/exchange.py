"""Servers and clients for tunnels, TCP or unix: an address is a port or a path."""
import hashlib
import os
import queue
import socket
import tempfile
import threading

TIMEOUT = 30
MEGABYTES = bytes(range(256)) * 4096 * 10  # 10 MB


def sha(data):
    return hashlib.sha256(data).hexdigest()


def new_path(name="s"):
    """Where no socket is yet; short enough for one."""
    return os.path.join(tempfile.mkdtemp(prefix="x-"), name)


def connect(address, host="127.0.0.1"):
    if isinstance(address, int):
        return socket.create_connection((host, address), timeout=TIMEOUT)
    s = socket.socket(socket.AF_UNIX)
    s.connect(address)  # one that may not block fails when the backlog is full
    s.settimeout(TIMEOUT)
    return s


def refuses(address, host="127.0.0.1"):
    try:
        connect(address, host).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except ConnectionResetError:
        pass  # it listens, and was so quick to break it off
    return False


def read_all(s):
    data = bytearray()
    while block := s.recv(1 << 16):
        data += block
    return bytes(data)


class Server:
    """Calls `serve(socket)` in a thread for each connection; what that returns or raises is in
    `results`. Ends with the test."""

    def __init__(self, test, serve, address=0):
        self.serve, self.results = serve, queue.Queue()
        if isinstance(address, int):
            self.listener = socket.create_server(("127.0.0.1", address), backlog=1024)
            self.address = self.listener.getsockname()[1]
            self.spec = f"127.0.0.1:{self.address}"
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(address)
            self.listener.listen(1024)
            self.address = self.spec = address
        threading.Thread(target=self._accept, daemon=True).start()
        test.addCleanup(self.stop)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def result(self):
        got = self.results.get(timeout=TIMEOUT)
        if isinstance(got, Exception):
            raise got
        return got

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        s.settimeout(TIMEOUT)
        with s:
            try:
                self.results.put(self.serve(s))
            except Exception as e:  # the test that asks for the result sees it
                self.results.put(e)


def echo(s):
    while block := s.recv(1 << 16):
        s.sendall(block)


def answer_after_end(s):
    """Reads to the end; then answers the hash of it and 10 MB: the client half-closed."""
    s.sendall(sha(read_all(s)).encode() + MEGABYTES)


def speak_first(s):
    """Sends 10 MB and half-closes; then reads to the end and returns the hash of it."""
    s.sendall(MEGABYTES)
    s.shutdown(socket.SHUT_WR)
    return sha(read_all(s))
