"""The link emulator is as slow, narrow and unreliable as it says: other tests stand on it."""
import socket
import statistics
import threading
import time
import unittest

from lab.netem import Link
from lab.proc import PATIENCE

SO_RCVBUFFORCE = 33  # socket(7)


class Echo:
    """A server in the job; `ended` tells how its connections did."""

    def __init__(self, link):
        self.listener = link.job.socket()
        self.listener.listen(16)
        self.where = self.listener.getsockname()
        self.ended, self.changed = [], threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, peer = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection, peer):
        how = "end"
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError as error:
            how = type(error).__name__
        with self.changed:
            self.ended.append((peer[0], how))
            self.changed.notify_all()

    def connect(self, timeout=20):
        s = socket.create_connection(self.where, timeout=timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s


def round_trip(s, data=b"x"):
    """Milliseconds."""
    start = time.perf_counter()
    s.sendall(data)
    assert s.recv(len(data)) == data
    return (time.perf_counter() - start) * 1000


def flood(s):
    """Sends until the other end is closed."""
    def pump():
        try:
            while True:
                s.send(bytes(65536))
        except OSError:
            pass

    threading.Thread(target=pump, daemon=True).start()


def throughput(source, sink, seconds):
    """Mbit/s of payload that arrive, after a second of warming up."""
    flood(source)
    start, counted = time.perf_counter(), 0
    while (now := time.perf_counter()) < start + 1:
        sink.recv(65536)
    start = now
    while (now := time.perf_counter()) < start + seconds:
        counted += len(sink.recv(65536))
    return counted * 8 / (now - start) / 1e6


def connected(a, b):
    """(socket of host b, socket of host a)"""
    with a.socket() as listener:
        listener.listen()
        there = b.socket()
        there.connect(listener.getsockname())
        return there, listener.accept()[0]


class Shape(unittest.TestCase):
    def test_round_trip(self):
        with Link(rtt_ms=40) as link, Echo(link).connect() as s:
            took = [round_trip(s) for _ in range(30)]
            self.assertGreaterEqual(min(took), 40)
            self.assertLess(statistics.median(took), 40 + 5 * PATIENCE)
            link.tell("rtt", "10ms")
            took = [round_trip(s) for _ in range(30)]
            self.assertGreaterEqual(min(took), 10)
            self.assertLess(statistics.median(took), 10 + 5 * PATIENCE)

    def test_rate_both_ways(self):
        with Link(rtt_ms=10, rate="20mbit", queue_ms=100) as link:
            for a, b in ((link.laptop, link.job), (link.job, link.laptop)):
                there, here = connected(a, b)
                with there, here:
                    reached = throughput(there, here, 2)
                # 1448 of 1500 bytes are payload; what the queue held may come on top.
                self.assertLess(reached, 20 * 1448 / 1500 * 1.06)
                self.assertGreater(reached, 20 * 0.8)

    def test_large_packets_take_as_long_as_their_pieces(self):
        with Link(rtt_ms=10, rate="200mbit", queue_ms=100) as link:
            link.tell("large", 1)
            there, here = connected(link.laptop, link.job)
            with there, here:
                reached = throughput(there, here, 2)
            self.assertLess(reached, 200 * 1448 / 1500 * 1.06)
            self.assertGreater(reached, 200 * 0.8)
            sent = link.stat()["down"]
            self.assertLess(sent["packets"], sent["bytes"] / 3000)

    def test_the_queue_is_as_long_as_asked(self):
        with Link(rtt_ms=10, rate="20mbit", queue_ms=150) as link:
            source, sink = connected(link.job, link.laptop)
            with source, sink, Echo(link).connect() as s:
                took = []

                def watch():
                    while link.stat()["up"]["queue_full"] == 0:
                        took.append(round_trip(s))

                watcher = threading.Thread(target=watch)
                watcher.start()
                self.assertGreater(throughput(source, sink, 3), 10)
                watcher.join(20)
                # A byte waits behind what is queued: never longer than the queue, sometimes nearly so. (One or two may
                # have waited for a busy machine as well.)
                self.assertGreater(max(took), 75)
                self.assertLess(sorted(took)[len(took) * 9 // 10], 10 + 150 + 40 * PATIENCE)

    def lossy(self, seed):
        """Which of 400 numbers arrive."""
        with Link(loss=20, seed=seed) as link, link.job.socket(socket.SOCK_DGRAM) as sink, \
                link.laptop.socket(socket.SOCK_DGRAM) as source:
            sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
            for i in range(400):
                source.sendto(b"%d" % i, sink.getsockname())
            sink.settimeout(0.5)
            got = []
            try:
                while True:
                    got.append(int(sink.recv(100)))
            except TimeoutError:
                pass
            self.assertEqual(len(got) + link.stat()["up"]["lost"], 400)
            self.assertTrue(270 < len(got) < 370, len(got))
            return got

    def test_loss_repeats_with_its_seed(self):
        first = self.lossy(7)
        self.assertEqual(self.lossy(7), first)
        self.assertNotEqual(self.lossy(8), first)


class Accidents(unittest.TestCase):
    def setUp(self):
        self.link = Link(rtt_ms=20)
        self.addCleanup(self.link.close)
        self.echo = Echo(self.link)
        self.old = self.echo.connect()
        self.addCleanup(self.old.close)
        round_trip(self.old)

    def new_connection_works(self):
        with self.echo.connect() as s:
            round_trip(s)

    def silent(self, s):
        s.settimeout(1.5)
        try:
            s.sendall(b"x")
            self.assertRaises(TimeoutError, s.recv, 1)
        except OSError as error:
            self.assertIsInstance(error, TimeoutError)

    def test_cut(self):
        self.link.cut(1)
        took = round_trip(self.old)
        self.assertGreater(took, 990)
        self.assertLess(round_trip(self.old), 500)

    def test_cut_one_way(self):
        self.link.cut(30, "down")
        self.silent(self.old)
        self.link.cut(0)
        self.new_connection_works()

    def test_kill_flows(self):
        self.link.kill_flows()
        self.new_connection_works()
        self.silent(self.old)
        self.assertGreater(self.link.stat()["up"]["dead"], 0)

    def test_reset(self):
        self.link.reset_flows()
        self.assertRaises(ConnectionResetError, self.old.recv, 1)
        with self.echo.changed:
            self.echo.changed.wait_for(lambda: self.echo.ended, 5)
        self.assertEqual(self.echo.ended, [(self.link.laptop.address, "ConnectionResetError")])
        self.new_connection_works()

    def test_another_address(self):
        before = self.link.laptop.address
        self.link.move()
        self.assertNotEqual(self.link.laptop.address, before)
        with self.echo.connect() as s:
            self.assertEqual(s.getsockname()[0], self.link.laptop.address)
            round_trip(s)
        self.silent(self.old)

    def test_wrong_words_are_refused(self):
        for words in ("rtt", "rtt 5 parsecs", "rate 1", "cut x", "fly", "cut 1 sideways", "loss -1%"):
            with self.assertRaises(AssertionError, msg=words):
                self.link.tell(words)
        self.new_connection_works()


if __name__ == "__main__":
    unittest.main()
