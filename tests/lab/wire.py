"""The first packets of SSH by hand, to see what a server says before any key is proven."""
import socket
import struct
from contextlib import contextmanager

KEXINIT = 20
FIELDS = ("kex", "host_key", "cipher_in", "cipher_out", "mac_in", "mac_out", "compression_in",
          "compression_out", "language_in", "language_out")


@contextmanager
def connection(port, timeout=30):
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        yield s


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        block = s.recv(n - len(data))
        if not block:
            raise EOFError(f"closed after {len(data)} of {n} bytes")
        data += block
    return data


def ident(s):
    """The server's identification line (RFC 4253 section 4.2)."""
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(s, 1)
    return line.decode().strip()


def offer(port):
    """What the server offers: {field: [algorithm, …]} (RFC 4253 section 7.1)."""
    with connection(port) as s:
        ident(s)
        s.sendall(b"SSH-2.0-lab_10\r\n")
        length, padding = struct.unpack(">IB", read_exactly(s, 5))
        payload = read_exactly(s, length - 1)[:length - padding - 1]
    assert payload[0] == KEXINIT, payload[0]
    found, at = {}, 17
    for field in FIELDS:
        n = struct.unpack_from(">I", payload, at)[0]
        found[field] = payload[at + 4:at + 4 + n].decode().split(",") if n else []
        at += 4 + n
    return found


def seconds_until_closed(s, clock):
    """Reads to the end of the connection; how long that took."""
    start = clock()
    try:
        while s.recv(4096):
            pass
    except ConnectionError:
        pass
    return clock() - start
