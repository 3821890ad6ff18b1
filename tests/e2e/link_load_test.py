"""Many streams at once and one after the other; afterwards nothing of them is left."""
import asyncio
import json
import resource
import socket
import sys
import unittest

from lab.client import rdev, up
from lab.echo import Echo
from lab.link import agent_pid, holders, link_pid, pss_kb
from lab.proc import PATIENCE, SANITIZED, descriptors, eventually, settled_kb, status_kb, threads
from lab.web import free_port

STREAMS = 500
MANY = 2000
IN_ALL = 2_000 if SANITIZED else 10_000
WORKERS = 16
# What malloc keeps of its own accord, seen with room to spare; a leak of 1 kB a stream would be 10 MB.
GROWTH_KB = 4 * 1024
MOST_KB = 48 * 1024


def setUpModule():
    global echo
    echo = Echo()


def weight(pid):
    return status_kb(pid, "VmRSS"), pss_kb(pid)


class Load(unittest.TestCase):
    def setUp(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        up(self, "load")
        answer = json.loads(rdev("forward", "--json", "load", "-L", f"{free_port()}:127.0.0.1:{echo.port}").text)
        self.port = answer["tunnels"][0]["bound_port"]
        self.pids = {"link": link_pid("load"), "holder": next(iter(holders("load"))), "agent": agent_pid()}
        # Both ends of every connection are this process's; rdev's own have been started with the usual limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    async def one(self, number, hold=None):
        """A connection, its data there and back, its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = number.to_bytes(8, "big") * 500
        writer.write(data)
        self.assertEqual(await reader.readexactly(len(data)), data)
        if hold:
            await hold(number)
            writer.write(data)
            self.assertEqual(await reader.readexactly(len(data)), data)
        writer.write_eof()
        self.assertEqual(await reader.read(), b"")
        writer.close()
        await writer.wait_closed()

    async def at_once(self, count, look):
        """All of them open at the same time; what `look` sees of each process then."""
        open_ones, everybody, seen = set(), asyncio.Event(), {}

        async def hold(number):
            open_ones.add(number)
            if len(open_ones) == count:
                seen.update({name: look(pid) for name, pid in self.pids.items()})
                everybody.set()
            await everybody.wait()

        async with asyncio.timeout(60 * PATIENCE):
            await asyncio.gather(*(self.one(i, hold) for i in range(count)))
        return seen

    async def one_after_the_other(self, count):
        numbers = iter(range(count))

        async def worker():
            for number in numbers:
                await self.one(number)

        async with asyncio.timeout(120 * PATIENCE):
            await asyncio.gather(*(worker() for _ in range(WORKERS)))

    def state(self):
        return {name: descriptors(pid) for name, pid in self.pids.items()}

    def test_nothing_is_left(self):
        asyncio.run(self.at_once(STREAMS, weight))  # warm: pools and buffers have grown
        asyncio.run(self.one_after_the_other(IN_ALL // 10))
        idle = eventually(self.settled, "the streams have ended")
        before = {name: settled_kb(pid) for name, pid in self.pids.items()}

        weights = asyncio.run(self.at_once(STREAMS, weight))
        asyncio.run(self.one_after_the_other(IN_ALL))

        # That of the question whether it is settled may have been one more.
        eventually(lambda: all(now <= idle[name] for name, now in self.state().items()),
                   f"descriptors are as before: {idle}, not {self.state()}")
        for name, pid in self.pids.items():
            after = SANITIZED or eventually(lambda: (kb := status_kb(pid, "VmRSS")) - before[name] < GROWTH_KB and kb,
                                            f"the {name} weighs no more than {before[name]} kB and what malloc keeps")
            print(f"{name}: {before[name]} kB idle, {weights[name][0]} kB (Pss {weights[name][1]}) with {STREAMS} "
                  f"streams, {after} kB after {IN_ALL} more", file=sys.stderr)
            if not SANITIZED:
                self.assertLess(weights[name][0], MOST_KB, name)
        self.assertEqual(rdev("exec", "load", "--", "echo", "on").text, "on\n")

    def test_no_thread_per_stream(self):
        """Each carries bytes while all are open."""
        asyncio.run(self.at_once(STREAMS // 10, threads))  # those that a first use starts
        before = {name: threads(pid) for name, pid in self.pids.items()}
        during = asyncio.run(self.at_once(MANY, threads))
        print(f"threads with {MANY} streams: {during}", file=sys.stderr)
        self.assertEqual(during, before)

    def settled(self):
        """The descriptors, once the counts of the tunnel say that nothing is open."""
        (tunnel,) = json.loads(rdev("forward", "load", "--list", "--json").text)["tunnels"]
        return self.state() if tunnel["connections"] == 0 else None

    def test_a_stuck_stream_does_not_hold_up_others(self):
        """50 connections whose ends read nothing: all others go on."""
        stuck = []
        for _ in range(50):
            s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            s.setblocking(False)
            self.addCleanup(s.close)
            stuck.append(s)
        for _ in range(20):  # the echo of what nobody reads fills every buffer on the way
            for s in stuck:
                try:
                    while True:
                        s.send(bytes(65536))
                except BlockingIOError:
                    pass
        asyncio.run(self.at_once(50, weight))


if __name__ == "__main__":
    unittest.main()
