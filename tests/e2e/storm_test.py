"""What a user has open goes on through faults at random for as long as it takes: a terminal, a download, an editor.
A minute of it; tests/long/link.sh has the long forms. RDEV_SEED repeats a run's faults."""
import hashlib
import http.server
import random
import re
import string
import sys
import threading
import time
import unittest

from lab import far, web, websocket
from lab.link import forward
from lab.proc import SECONDS, Process, program
from lab.storm import SEED, Storm
from lab.terminal import Terminal

NAME = "storm"
PATIENCE_S = 120  # for what waits for the line: faults may follow each other


def setUpModule():
    global line
    line = far.up_for_module(NAME, rtt_ms=20, rate="200mbit")


class SlowPages(http.server.BaseHTTPRequestHandler):
    """One page in pieces, some large, some late, until `over`."""
    protocol_version = "HTTP/1.1"
    over = threading.Event()
    digest = hashlib.sha256()
    sent = 0

    def do_GET(self):  # noqa: N802 (the base class names it)
        chance = random.Random(SEED)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.over.wait(chance.choice((0, 0.01, 0.1, 0.5))):
            piece = chance.randbytes(chance.choice((1, 1000, 30_000, 300_000)))
            self.digest.update(piece)
            type(self).sent += len(piece)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def serving_there(make):
    """A server on the job's machine; its address as -L has it."""
    server = make(line.job.socket())
    return server, f"{line.job.address}:{server.server_address[1]}"


class Pages(web.PageServer):
    def __init__(self, sock):
        super().__init__(sock.getsockname(), SlowPages, bind_and_activate=False)
        web.listen_on(self, sock)


class Typing:
    """A person who types words, sometimes on without looking, and sees each one come back once."""

    def __init__(self, terminal):
        self.terminal, self.chance, self.count, self.longest = terminal, random.Random(SEED), 0, 0

    def word(self):
        pieces = ["".join(self.chance.choices(string.ascii_letters, k=self.chance.randrange(1, 12)))
                  for _ in range(self.chance.choice((1, 1, 5, 20)))]
        began = time.monotonic()
        for piece in pieces:
            self.terminal.type(piece)
            time.sleep(self.chance.uniform(0, 0.2))
        self.terminal.expect(r"\A" + "".join(pieces), timeout=PATIENCE_S)
        self.count += sum(map(len, pieces))
        self.longest = max(self.longest, time.monotonic() - began)


class StormTest(unittest.TestCase):
    def open_tunnel(self, server, address):
        self.enterContext(web.serving(server))
        return forward(NAME, "-L", f"0:{address}")[0]["bound_port"]

    def test_nothing_breaks(self):
        chat_server, chat_address = serving_there(websocket.EchoServer)
        chat, pages = self.open_tunnel(chat_server, chat_address), self.open_tunnel(*serving_there(Pages))
        self.addCleanup(SlowPages.over.set)
        with Terminal(program("rdev"), "ssh", NAME, "--", "sh", "-c", "stty raw -echo; echo ready; exec cat") as terminal, \
                Process("bash", "-c", f"set -o pipefail; curl -sS --fail http://127.0.0.1:{pages}/ | sha256sum") as curl, \
                websocket.Chatter(chat, SEED) as chatter:
            terminal.expect("ready\n")
            typing = Typing(terminal)
            with Storm(line, NAME) as storm:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end and not storm.fault:
                    typing.word()
                    self.assertIsNone(chatter.fault)
                    self.assertIsNone(curl.popen.poll(), curl.output)
            self.assertIsNone(storm.fault)
            typing.word()
            SlowPages.over.set()
            self.assertEqual(curl.wait(timeout=PATIENCE_S), 0, curl.output)
        self.assertIsNone(chatter.fault)
        self.assertEqual(re.findall(r"\w+", curl.output)[0], SlowPages.digest.hexdigest())
        self.assertEqual(len(chat_server.closed), 1, "the WebSocket's one connection, ended in order")
        print(f"{typing.count} keys, the longest word took {typing.longest:.1f} s; {chatter.count} messages, {chatter.pongs} and "
              f"{chat_server.closed[0]} keep-alives, the longest answer took {chatter.longest:.1f} s; "
              f"{SlowPages.sent >> 20} MB came down", file=sys.stderr)
        self.assertGreater(min(typing.count, chatter.count, chatter.pongs, chat_server.closed[0]), 0)


if __name__ == "__main__":
    unittest.main()
