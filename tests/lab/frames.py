"""Frames of the link and their messages by hand (PROTOCOL.md): a second implementation, as small as
a test needs it."""
import struct
from dataclasses import dataclass

from lab.config import varint

HELLO, WELCOME, GOODBYE, HEARTBEAT, MARK, ARRIVED = 1, 2, 3, 4, 5, 6
OPEN, ACCEPT, REFUSE, DATA, CREDIT, RESET, DETACH = range(16, 23)
ACKNOWLEDGE = 25
ATTACH, ATTACHED, LOST, ASK_STATUS, STATUS, STOP = range(64, 70)


@dataclass
class Frame:
    type: int
    payload: bytes = b""
    stream: int = 0
    lane: int = 0
    flags: int = 0

    def encode(self):
        return struct.pack(">IBBBBQ", len(self.payload), self.type, self.lane, self.flags, 0, self.stream) + self.payload


def read_frame(file):
    """None at the end of a binary file, also within a frame."""
    header = file.read(16)
    if len(header) < 16:
        return None
    size, type_, lane, flags, _, stream = struct.unpack(">IBBBBQ", header)
    payload = file.read(size)
    return Frame(type_, payload, stream, lane, flags) if len(payload) == size else None


def message(**fields):
    """Protobuf: f1=…, f4=…: numbers as varints, bytes and texts by their length."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
            else:
                data = one.encode() if isinstance(one, str) else bytes(one)
                out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def fields(data):
    """{number: [value, …]} of a message."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value

    while at < len(data):
        tag = number()
        kind = tag & 7
        if kind == 0:
            value = number()
        else:
            size = {1: 8, 5: 4}.get(kind) or number()
            value = data[at:at + size]
            at += size
        found.setdefault(tag >> 3, []).append(value)
    return found


def hello(job, major=1, minor=0, program="lab", **more):
    return Frame(HELLO, message(f1=major, f2=minor, f4=job, f5=bytes(16), f6=bytes(32), f7=program, **more))
