"""WebSockets (RFC 6455) as an editor in the browser uses them: binary messages of all sizes both ways, the client's
masked, and keep-alives of either side."""
import base64
import hashlib
import os
import random
import socket
import socketserver
import struct
import threading
import time

from lab import web

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
NORMAL = struct.pack(">H", 1000)
KEEP_ALIVE_S = 1


class Fault(Exception):
    """The other side breaks the rules."""


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def mask_with(key, data):
    """XOR with the four bytes over and over; the inverse of itself."""
    repeated = (key * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")


class Side:
    """One end after the handshake; send() may be called by several threads."""

    def __init__(self, sock, file, is_client):
        self.socket, self.file, self.is_client = sock, file, is_client
        self.sending = threading.Lock()

    def send(self, opcode, payload=b""):
        length = len(payload)
        masked = 0x80 if self.is_client else 0
        head = bytes([0x80 | opcode])
        if length < 126:
            head += bytes([masked | length])
        else:
            head += struct.pack(">BH", masked | 126, length) if length < 1 << 16 else struct.pack(">BQ", masked | 127, length)
        if self.is_client:
            key = os.urandom(4)
            head, payload = head + key, mask_with(key, payload)
        with self.sending:
            self.socket.sendall(head + payload)

    def _exactly(self, length):
        data = self.file.read(length)
        if len(data) < length:
            raise Fault("the connection ended within a frame or without a close")
        return data

    def receive(self):
        """The opcode and payload of a frame; a ping is answered first."""
        first, second = self._exactly(2)
        opcode, length = first & 0x0F, second & 0x7F
        if first & 0xF0 != 0x80 or opcode not in (BINARY, CLOSE, PING, PONG) or opcode >= CLOSE and length > 125:
            raise Fault(f"a frame that begins with {first:02x} {second:02x}")
        if bool(second & 0x80) == self.is_client:
            raise Fault("masked, and it must not be" if self.is_client else "not masked, and it must be")
        if length >= 126:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        key = b"" if self.is_client else self._exactly(4)
        payload = self._exactly(length)
        payload = payload if self.is_client else mask_with(key, payload)
        if opcode == PING:
            self.send(PONG, payload)
        return opcode, payload


def head_of(file):
    """The lines of an HTTP head: the first one, and {name: value}."""
    first, fields = file.readline().rstrip(b"\r\n"), {}
    while line := file.readline().rstrip(b"\r\n"):
        name, value = line.split(b":", 1)
        fields[name.strip().lower()] = value.strip()
    return first, fields


class Echo(socketserver.StreamRequestHandler):
    """Sends each message back, and pings beside."""

    def handle(self):
        asked, fields = head_of(self.rfile)
        if not asked.startswith(b"GET ") or fields.get(b"upgrade", b"").lower() != b"websocket":
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + accept_of(fields[b"sec-websocket-key"]) + b"\r\n\r\n")
        side, over = Side(self.connection, self.rfile, is_client=False), threading.Event()
        pings = threading.Thread(target=self._keep_alive, args=(side, over), daemon=True)
        pings.start()
        pongs = 0
        try:
            while (frame := side.receive())[0] != CLOSE:
                if frame[0] == BINARY:
                    side.send(*frame)
                pongs += frame[0] == PONG
            over.set()
            pings.join()
            side.send(CLOSE, frame[1])
            self.server.closed.append(pongs)
        finally:
            over.set()

    @staticmethod
    def _keep_alive(side, over):
        count = 0
        try:
            while not over.wait(KEEP_ALIVE_S):
                side.send(PING, b"%d" % count)
                count += 1
        except OSError:
            pass  # handle() says so


class EchoServer(web.ThreadedServer):
    """`closed`: of each connection that ended in order, how many of its pings were answered."""

    def __init__(self, sock):
        super().__init__(sock.getsockname(), Echo, bind_and_activate=False)
        self.closed = []
        web.listen_on(self, sock)


class Chatter(threading.Thread):
    """Messages all the time, none of which may be lost or come twice, for as long as the `with` lasts."""

    def __init__(self, port, seed=0):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.side = Side(self.socket, self.socket.makefile("rb"), is_client=True)
        self.over = threading.Event()
        self.count, self.pongs, self.fault, self.longest = 0, 0, None, 0
        self._shake_hands(port)

    def _shake_hands(self, port):
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(b"GET /?skipWebSocketFrames=false HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % (port, key))
        first, fields = head_of(self.side.file)
        if not first.startswith(b"HTTP/1.1 101") or fields.get(b"sec-websocket-accept") != accept_of(key):
            raise Fault(f"the handshake: {first} {fields}")

    def run(self):
        try:
            with self.socket, self.side.file:
                pinged = time.monotonic()
                while not self.over.wait(0.05):
                    if time.monotonic() - pinged > KEEP_ALIVE_S:
                        pinged = time.monotonic()
                        self.side.send(PING, b"client")
                    self._exchange(b"%d:" % self.count + self.random.randbytes(self.random.choice((1, 100, 1000, 70000))))
                self.side.send(CLOSE, NORMAL)
                while (frame := self.side.receive())[0] != CLOSE:
                    self.pongs += frame[0] == PONG
                if frame[1] != NORMAL:
                    raise Fault(f"closed with {frame[1]}")
        except (OSError, Fault) as error:
            self.fault = error

    def _exchange(self, message):
        began = time.monotonic()
        self.side.send(BINARY, message)
        while (frame := self.side.receive())[0] in (PING, PONG):
            self.pongs += frame[0] == PONG
        if frame != (BINARY, message):
            raise Fault(f"message {self.count} came back as {len(frame[1])} bytes {frame[1][:20]} with opcode {frame[0]}")
        self.count += 1
        self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(60)
        if self.is_alive():
            self.fault = self.fault or Fault("it hangs at the end")
