"""Tunnels whose ends break: nobody takes half for the whole, and nothing stays."""
import contextlib
import queue
import socket
import socketserver
import threading
import unittest

from lab import web
from lab.client import rdev, up_for_module
from lab.link import forward, tunnels
from lab.proc import PATIENCE, eventually

NAME = "breaks"


def setUpModule():
    up_for_module(NAME)


def pump(s):
    """Sends until nobody takes it any more."""
    with contextlib.suppress(OSError):
        while True:
            s.sendall(bytes(1 << 20))


class Breaking(web.ThreadedServer):
    def shutdown_request(self, request):
        request.close()  # without the shutdown(2) of the base class, which would be an end


class Broken(unittest.TestCase):
    def tearDown(self):
        rdev("forward", NAME, "--remove", "all", code=None)

    def test_what_is_broken_off_is_no_end(self):
        """Half an answer must not look like a whole one."""
        with web.serving(Breaking(("127.0.0.1", 0), web.Breaker)) as port:
            for kind in ("-L", "-R"):
                (tunnel,) = forward(NAME, kind, f"0:127.0.0.1:{port}")
                with self.assertRaises(ConnectionResetError, msg=kind):  # perhaps before it is seen to be connected
                    with socket.create_connection(("127.0.0.1", tunnel["bound_port"]), timeout=10) as s:
                        while s.recv(100):
                            pass

    def test_one_that_is_removed_is_no_end(self):
        """Half an upload must not look like a whole one to the server."""
        ends = queue.Queue()

        class Sink(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    while self.request.recv(1 << 20):
                        pass
                    ends.put("end")
                except ConnectionResetError:
                    ends.put("reset")

        with web.serving(web.ThreadedServer(("127.0.0.1", 0), Sink)) as port:
            for kind in 5 * ("-L", "-R"):  # what is just being sent decides what could go wrong
                (tunnel,) = forward(NAME, kind, f"0:127.0.0.1:{port}")
                with socket.create_connection(("127.0.0.1", tunnel["bound_port"]), timeout=10) as s:
                    sender = threading.Thread(target=pump, args=(s,))
                    sender.start()
                    way = {"-L": "bytes_out", "-R": "bytes_in"}[kind]
                    eventually(lambda way=way: tunnels(NAME)[0][way] > 10_000_000, "much has gone")
                    rdev("forward", NAME, "--remove", "all")
                    sender.join()
                    self.assertEqual(ends.get(timeout=10 * PATIENCE), "reset", kind)

    def test_a_program_that_dies_while_all_is_full(self):
        """Its server writes and does not read meanwhile; nothing of it may stay."""
        ended = queue.Queue()

        class Stubborn(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    while data := self.request.recv(1 << 16):
                        self.request.sendall(data)
                ended.put(True)

        with web.serving(web.ThreadedServer(("127.0.0.1", 0), Stubborn)) as port:
            for kind in ("-L", "-R"):
                (tunnel,) = forward(NAME, kind, f"0:127.0.0.1:{port}")
                with socket.create_connection(("127.0.0.1", tunnel["bound_port"])) as s:
                    s.settimeout(1)
                    pump(s)
                eventually(lambda: tunnels(NAME)[0]["connections"] == 0, f"the connection of {kind} is gone")
                ended.get(timeout=10 * PATIENCE)
                rdev("forward", NAME, "--remove", "all")


if __name__ == "__main__":
    unittest.main()
