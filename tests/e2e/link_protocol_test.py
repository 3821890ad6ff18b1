"""The agent's end of the link, spoken to by a second implementation (lab/frames.py, PROTOCOL.md)."""
import struct
import subprocess
import time
import unittest

from lab import frames
from lab.agent import ConfiguredAgent
from lab.frames import Frame, fields, message
from lab.proc import PATIENCE, eventually, processes

LIMIT = 1 << 16
MIB = 1 << 20
STREAM = 0x1234567800000000


class Spoken(unittest.TestCase):
    def setUp(self):
        self.agent = ConfiguredAgent(self, job_name="spoken").up()
        self.ssh = subprocess.Popen(self.agent.target.argv("rdev-link", options=["-s"]), stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        self.addCleanup(self.ssh.communicate)
        self.addCleanup(self.ssh.kill)

    def say(self, *spoken):
        for frame in spoken:
            self.ssh.stdin.write(frame if isinstance(frame, bytes) else frame.encode())
        self.ssh.stdin.flush()

    def hear(self, *but):
        """The next frame that does not come by itself (a heartbeat, MARK, ACKNOWLEDGE), nor is one of `but`."""
        skipped = (frames.HEARTBEAT, frames.MARK, frames.ACKNOWLEDGE, *but)
        while (frame := frames.read_frame(self.ssh.stdout)) and frame.type in skipped:
            pass
        return frame

    def goodbye(self):
        """Why it hangs up; nothing follows."""
        frame = self.hear()
        self.assertIsNotNone(frame, "hung up without a word")
        self.assertEqual(frame.type, frames.GOODBYE)
        self.assertIsNone(self.hear())
        return fields(frame.payload)[1][0].decode()

    def welcomed(self):
        self.say(frames.hello("spoken"))
        welcome = fields(self.hear().payload)
        self.assertEqual(welcome[1], [1])

    @staticmethod
    def open(request, stream=STREAM):
        return Frame(frames.OPEN, struct.pack(">4Q", 0, LIMIT, LIMIT, LIMIT) + request, stream)


class Greeting(Spoken):
    def test_another_major_version_is_refused_by_name(self):
        self.say(frames.hello("spoken", major=99, program="rdev 99.0"))
        why = self.goodbye()
        self.assertIn("rdev 99.0", why)
        self.assertRegex(why, r"rdev-agent \d|rdev \d")

    def test_what_is_newer_is_ignored(self):
        self.say(frames.hello("spoken", minor=7, f3=["time-travel", "x" * 100], f77=b"?", f78=5),
                 Frame(200, b"of an unknown type"))
        frame = self.hear()
        self.assertEqual(frame.type, frames.WELCOME)
        self.assertIn("rdev", fields(frame.payload)[4][0].decode())

    def test_another_job(self):
        self.say(frames.hello("somebody-else"))
        self.assertIn("somebody-else", self.goodbye())

    def test_anything_else_first(self):
        self.say(Frame(frames.HEARTBEAT, message(f1=1)))
        self.goodbye()

    def test_nonsense(self):
        for junk in (b"\xff" * 64, frames.hello("spoken").encode()[:16] + b"\xff" * 200):
            with self.subTest(junk[:4]):
                self.setUp()
                self.say(junk)
                frame = self.hear()
                self.assertTrue(frame is None or frame.type == frames.GOODBYE, frame)

    def test_silence(self):
        began = time.monotonic()
        frame = self.hear()
        self.assertTrue(frame is None or frame.type == frames.GOODBYE, frame)
        self.assertTrue(5 < time.monotonic() - began < 15 * PATIENCE)

    def test_silence_after_the_greeting(self):
        """An agent that has heard nothing for 20 s takes the connection for dead."""
        self.welcomed()
        began, beats = time.monotonic(), 0
        while (frame := frames.read_frame(self.ssh.stdout)) and frame.type != frames.GOODBYE:
            beats += frame.type == frames.HEARTBEAT
        took = time.monotonic() - began
        self.assertGreaterEqual(beats, 1)
        self.assertGreater(took, 18)
        self.assertLess(took, 26 * PATIENCE)


class Heartbeats(Spoken):
    def test_a_mark_is_answered(self):
        self.welcomed()
        self.say(Frame(frames.MARK, struct.pack(">Q", 4711)))
        frame = self.hear()
        self.assertEqual((frame.type, frame.stream), (frames.ARRIVED, 0))
        sent, arrived = struct.unpack(">2Q", frame.payload)
        self.assertEqual(sent, 4711)
        self.say(Frame(frames.MARK, struct.pack(">Q", 4712)))
        later = struct.unpack(">2Q", self.hear().payload)[1]
        self.assertTrue(0 <= later - arrived < 10_000_000, later - arrived)

    def test_round_trip_and_vitals(self):
        self.welcomed()
        self.say(Frame(frames.HEARTBEAT, message(f1=123456789)))
        began = time.monotonic()
        while True:
            frame = frames.read_frame(self.ssh.stdout)
            self.assertEqual(frame.type, frames.HEARTBEAT)
            beat = fields(frame.payload)
            if beat.get(2) == [123456789]:
                break
        self.assertLess(time.monotonic() - began, 8 * PATIENCE)
        vitals = fields(beat[4][0])
        self.assertLess(abs(vitals[1][0] / 1000 - time.time()), 30)
        self.assertGreater(vitals[3][0], 1 << 20)


class Streams(Spoken):
    def session(self, *argv):
        return message(f1=message(f2=list(argv)))

    def test_a_command(self):
        self.welcomed()
        self.say(self.open(self.session("sh", "-c", "cat; echo err >&2; exit 7")))
        frame = self.hear()
        self.assertEqual((frame.type, frame.stream), (frames.ACCEPT, STREAM))
        limits = struct.unpack_from(">3Q", frame.payload)
        self.assertTrue(all(limits), limits)
        self.say(Frame(frames.DATA, struct.pack(">Q", 0) + b"hel", STREAM, 0),
                 Frame(frames.DATA, struct.pack(">Q", 3) + b"lo", STREAM, 0, 1))
        lanes, ended = [b"", b"", b""], [False] * 3
        while not all(ended):
            frame = self.hear(frames.CREDIT)
            self.assertEqual((frame.type, frame.stream), (frames.DATA, STREAM))
            (offset,) = struct.unpack_from(">Q", frame.payload)
            self.assertEqual(offset, len(lanes[frame.lane]))
            self.assertFalse(ended[frame.lane])
            lanes[frame.lane] += frame.payload[8:]
            ended[frame.lane] = bool(frame.flags & 1)
        self.assertEqual(lanes[:2], [b"hello", b"err\n"])
        (size,) = struct.unpack_from(">I", lanes[2])
        self.assertEqual(fields(lanes[2][4:4 + size]), {4: [7]})
        for lane in (1, 2):
            self.say(Frame(frames.DATA, struct.pack(">Q", 0), STREAM, lane, 1))
        self.say(self.open(self.session("true"), STREAM + 1))
        self.assertEqual(self.hear(frames.CREDIT).type, frames.ACCEPT)

    def test_the_sender_stops_at_the_limit(self):
        self.welcomed()
        self.say(self.open(self.session("yes")))
        received = 0
        while received < LIMIT:
            frame = self.hear(frames.ACCEPT, frames.CREDIT)
            received += len(frame.payload) - 8
        self.assertEqual(received, LIMIT)
        # Nothing but what comes by itself now, until there is credit.
        while (kind := frames.read_frame(self.ssh.stdout).type) in (frames.MARK, frames.ACKNOWLEDGE):
            pass
        self.assertEqual(kind, frames.HEARTBEAT)
        self.say(Frame(frames.CREDIT, struct.pack(">2Q", LIMIT, LIMIT + 1000), STREAM, 0))
        more = 0
        while more < 1000:
            more += len(self.hear().payload) - 8
        self.assertEqual(more, 1000)

    def test_beyond_the_limit_is_a_fault_of_that_stream_only(self):
        self.welcomed()
        self.say(self.open(self.session("sleep", "1000")), self.open(self.session("cat"), STREAM + 1))
        limits = {}
        while len(limits) < 2:
            frame = self.hear()
            self.assertEqual(frame.type, frames.ACCEPT)
            limits[frame.stream] = struct.unpack_from(">Q", frame.payload)[0]
        block = bytes(30000)
        # `sleep` reads nothing, but what its pipe holds is taken from the stream.
        for at in range(0, limits[STREAM] + MIB, len(block)):
            self.say(Frame(frames.DATA, struct.pack(">Q", at) + block, STREAM))
        self.assertEqual(self.hear(frames.CREDIT).type, frames.RESET)
        self.say(Frame(frames.DATA, struct.pack(">Q", 0) + b"x", STREAM + 1))
        frame = self.hear(frames.CREDIT)
        self.assertEqual((frame.type, frame.stream, frame.payload[8:]), (frames.DATA, STREAM + 1, b"x"))

    def test_unknown_kinds_are_refused(self):
        self.welcomed()
        self.say(self.open(message(f99=b"x")), self.open(b"", STREAM + 1))
        for stream in (STREAM, STREAM + 1):
            frame = self.hear()
            self.assertEqual((frame.type, frame.stream), (frames.REFUSE, stream))
            self.assertEqual(struct.unpack_from(">I", frame.payload), (3,))

    def test_frames_of_unknown_streams_are_passed_over(self):
        self.welcomed()
        self.say(Frame(frames.DATA, struct.pack(">Q", 0) + b"x", STREAM + 77), Frame(frames.RESET, bytes(4), STREAM + 78),
                 self.open(self.session("true")))
        self.assertEqual(self.hear().type, frames.ACCEPT)

    def test_too_long_a_frame_ends_the_connection(self):
        self.welcomed()
        self.say(struct.pack(">IBBBBQ", 40000, frames.DATA, 0, 0, 0, STREAM) + bytes(40000))
        self.goodbye()

    def test_a_consumer_that_went_takes_its_streams_along(self):
        self.welcomed()
        self.say(self.open(self.session("sh", "-c", "echo on; cat; exec sleep 7531")),
                 self.open(message(f1=message(f2=["sleep", "7532"], f4=message(f1="xterm", f2=80, f3=24))), STREAM + 1))
        eventually(lambda: sleeping(7532), "both run")
        while self.hear(frames.ACCEPT).payload[8:] != b"on\n":
            pass
        self.say(Frame(frames.DETACH, b"", STREAM))
        eventually(lambda: sleeping(7531), "without a terminal: the end of its stdin")
        eventually(lambda: not sleeping(7532), "with one: hung up")


def sleeping(seconds):
    return [pid for pid, line in processes(f"sleep {seconds}").items() if line.startswith("sleep")]


if __name__ == "__main__":
    unittest.main()
