"""What streams may hold: little when they are idle, a bound together when nobody reads, and no byte is lost."""
import asyncio
import hashlib
import resource
import sys
import time
import unittest
from pathlib import Path

from lab.client import rdev, up
from lab.echo import Echo
from lab.link import agent_pid, forward, holders
from lab.proc import PATIENCE, SANITIZED, settled_kb, status_kb

IDLE = 1_000
MANY = 2_000
# With the holes that what was carried leaves in the heap.
IDLE_KB = 8
STUCK = 120
BYTES = 3 << 20
# Of one session: what its streams hold, and what the process weighs without them.
MOST_KB = (64 + 40) * 1024
BLOCK = bytes(range(256)) * 256


def content(number):
    return (number.to_bytes(4, "big") + BLOCK) * (BYTES // len(BLOCK))


def small_sockets():
    """The kernel keeps megabytes for each connection else. This network is the test's own."""
    for way in ("tcp_rmem", "tcp_wmem"):
        Path(f"/proc/sys/net/ipv4/{way}").write_text("4096 32768 32768")


class Flood:
    """Sends its content to each that connects, at once, and then reads nothing before `open`; then answers the hash."""

    def __init__(self):
        self.open, self.count, self.sent = asyncio.Event(), 0, 0

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024, limit=1024)
        return self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        number, self.count = self.count, self.count + 1
        sending = asyncio.create_task(self._send(writer, content(number)))
        await self.open.wait()
        digest = hashlib.sha256()
        while data := await reader.read(65536):
            digest.update(data)
        await sending
        writer.write(digest.digest())
        writer.close()

    async def _send(self, writer, data):
        for at in range(0, len(data), 65536):
            writer.write(data[at:at + 65536])
            await writer.drain()
            self.sent += 65536


class Memory(unittest.TestCase):
    def setUp(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        up(self, "memory")

    def tunnel(self, port):
        """Its port here. Both ends of every connection are this process's."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        (made,) = forward("memory", "-L", f"0:127.0.0.1:{port}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.pids = {"agent": agent_pid(), "holder": next(iter(holders("memory")))}
        return made["bound_port"]

    def weights(self):
        return {name: status_kb(pid, "VmRSS") for name, pid in self.pids.items()}

    async def used(self, port, opened, count):
        """Opens connections until there are so many, each of which carries something and idles then."""
        async def one():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(BLOCK[:10_000])
            self.assertEqual(await reader.readexactly(10_000), BLOCK[:10_000])
            opened.append(writer)

        while len(opened) < count:
            await asyncio.gather(*(one() for _ in range(50)))

    async def idle_streams(self, port, count):
        opened = []
        await self.used(port, opened, 50)
        before = self.weights()
        await self.used(port, opened, 50 + count)
        after = {name: settled_kb(pid, 2.5) for name, pid in self.pids.items()}
        for writer in opened:
            writer.close()
        return {name: (after[name] - before[name]) / count for name in after}

    def check_idle(self, count):
        port = self.tunnel(Echo().port)
        each = asyncio.run(asyncio.wait_for(self.idle_streams(port, count), 90 * PATIENCE))
        print(f"{count} idle streams: {', '.join(f'{kb:.1f} kB each in the {name}' for name, kb in each.items())}",
              file=sys.stderr)
        if not SANITIZED:
            for name, kb in each.items():
                self.assertLess(kb, IDLE_KB, name)

    def test_an_idle_stream_costs_little(self):
        self.check_idle(IDLE)

    def test_two_thousand_at_once(self):
        self.check_idle(MANY)

    def test_what_nobody_reads_is_bounded_and_goes_on(self):
        asyncio.run(asyncio.wait_for(self.flood(), 150 * PATIENCE))

    async def flood(self):
        small_sockets()
        flood, beside = Flood(), Echo()
        floods, port = self.tunnel(await flood.start()), self.tunnel(beside.port)
        stuck = [await asyncio.open_connection("127.0.0.1", floods, limit=1024) for _ in range(STUCK)]
        sending = [asyncio.create_task(self.upload(writer, number)) for number, (_, writer) in enumerate(stuck)]
        await self.standstill(flood)
        weights = self.weights()
        print(f"{STUCK} stuck streams each way: {weights} kB", file=sys.stderr)
        self.assertLess(flood.sent, STUCK * BYTES / 2, "somebody holds it all")
        if not SANITIZED:
            for name, kb in weights.items():
                self.assertLess(kb, MOST_KB, name)
        began = time.monotonic()
        await self.used(port, [], 50)
        await asyncio.to_thread(rdev, "exec", "memory", "--", "true")
        print(f"beside them 50 connections and a command took {time.monotonic() - began:.2f} s", file=sys.stderr)
        self.assertLess(time.monotonic() - began, 3 * PATIENCE)
        flood.open.set()
        await asyncio.gather(*sending, *(self.check(reader, number) for number, (reader, _) in enumerate(stuck)))

    @staticmethod
    async def upload(writer, number):
        writer.write(content(number))
        writer.write_eof()
        await writer.drain()

    async def standstill(self, flood):
        """Until nothing more is taken."""
        before = -1
        while flood.sent != before:
            before = flood.sent
            await asyncio.sleep(1)

    async def check(self, reader, number):
        data = await reader.readexactly(len(content(number)))
        got = int.from_bytes(data[:4], "big")
        self.assertEqual(hashlib.sha256(data).digest(), hashlib.sha256(content(got)).digest())
        self.assertEqual(await reader.readexactly(32), hashlib.sha256(content(number)).digest())
        self.assertEqual(await reader.read(), b"")


if __name__ == "__main__":
    unittest.main()
