"""agent/stub: the program that stands on the agent's port until a laptop brings the agent."""
import hashlib
import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab.proc import Process, eventually, program
from lab.web import free_port

SOURCES = Path(__file__).resolve().parents[2] / "agent" / "stub"
STUB = Path(program("rdev-stub"))
AGENT = Path(program("rdev-agent")).read_bytes()
HASH = hashlib.sha256(AGENT).hexdigest()


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.settimeout(15)
    return client


def line_of(client):
    text = b""
    while not text.endswith(b"\n"):
        byte = client.recv(1)
        if not byte:
            break
        text += byte
    return text.decode()


def compiled(source):
    path = Path(tempfile.mkdtemp()) / "program"
    subprocess.run(["clang-19", "-x", "c", "-", "-o", path], input=source, text=True, check=True)
    return path


class Stub(unittest.TestCase):
    """Its agent gets no config, so it complains and ends: that it was run is what counts here."""

    def start(self, *, wait=60, lifetime=0, mode="end", program_hash=HASH, size=len(AGENT), places=(), env=None, stub=None):
        self.port = free_port()
        ready, ready_end = os.pipe()
        self.addCleanup(os.close, ready)
        argv = [stub or STUB, "serve", self.port, program_hash, size, wait, lifetime, 0, mode, *places]

        def give():
            os.dup2(ready_end, 3)
        self.process = Process(*argv, env=env, pass_fds=(3,), preexec_fn=give)
        os.close(ready_end)
        self.addCleanup(self.process.kill)
        self.ready = ready
        eventually(lambda: self.answers() or self.process.popen.poll() is not None, "it listens")

    def answers(self):
        try:
            connect(self.port).close()
            return True
        except OSError:
            return False

    def become(self):
        client = connect(self.port)
        self.assertEqual(line_of(client), f"rdev-stub 1 {HASH} {len(AGENT)}\n")
        client.sendall(AGENT)
        self.assertEqual(line_of(client), "ok\n")
        self.process.wait()
        self.assertIn("rdev-agent: the config on stdin", self.process.output)

    def test_size(self):
        self.assertLess(STUB.stat().st_size, 8192)
        lines = sum(len(path.read_text().splitlines()) for path in SOURCES.iterdir())
        self.assertLess(lines, 400)
        self.assertNotIn(b"/lib", STUB.read_bytes())

    def test_it_becomes_the_agent(self):
        self.start()
        self.become()

    def test_in_pieces(self):
        self.start()
        client = connect(self.port)
        line_of(client)
        for at in range(0, len(AGENT), 65537):
            client.sendall(AGENT[at:at + 65537])
        self.assertEqual(line_of(client), "ok\n")

    def test_wrong_bytes_do_no_harm(self):
        self.start()
        client = connect(self.port)
        line_of(client)
        client.sendall(bytes([AGENT[0] ^ 1]) + AGENT[1:])
        self.assertEqual(line_of(client), "wrong\n")
        self.assertEqual(client.recv(1), b"")
        self.become()

    def test_scanners_and_half_senders(self):
        self.start()
        for talk in (b"", b"GET / HTTP/1.0\r\n\r\n", b"SSH-2.0-scan\r\n", os.urandom(100_000)):
            client = connect(self.port)
            client.sendall(talk)
            client.close()
        self.become()

    def test_clients_that_hang_give_way(self):
        self.start()
        hanging = [connect(self.port) for _ in range(4)]
        for client in hanging:
            line_of(client)
        hanging[0].sendall(b"x")  # the others have been silent for longer, or as long
        self.become()

    def test_a_silent_client_is_dropped(self):
        self.start()
        client = connect(self.port)
        line_of(client)
        self.assertEqual(client.recv(1), b"")  # after ten seconds
        self.become()

    def test_a_second_client_meanwhile(self):
        self.start()
        first, second = connect(self.port), connect(self.port)
        line_of(first)
        line_of(second)
        first.sendall(AGENT[:1000])
        second.sendall(AGENT)
        self.assertEqual(line_of(second), "ok\n")

    def test_nobody_comes(self):
        self.start(wait=1)
        self.assertEqual(self.process.wait(), 75)
        self.assertIn("nobody came", self.process.output)
        self.assertEqual(os.read(self.ready, 10), b"")

    def test_nobody_comes_and_there_are_commands(self):
        self.start(wait=1, lifetime=3, mode="go")
        self.assertEqual(os.read(self.ready, 10), b"later\n")
        self.assertTrue(self.answers())
        self.assertEqual(self.process.wait(), 0)  # its time is over

    def test_brought_later(self):
        self.start(wait=1, mode="go")
        self.assertEqual(os.read(self.ready, 10), b"later\n")
        self.become()

    def test_what_is_brought_later_may_say_that_it_is_up(self):
        path = compiled('#include <unistd.h>\nint main(void) { return write(3, "up\\n", 3) != 3; }')
        agent = path.read_bytes()
        self.start(wait=1, mode="go", program_hash=hashlib.sha256(agent).hexdigest(), size=len(agent))
        self.assertEqual(os.read(self.ready, 10), b"later\n")
        client = connect(self.port)
        line_of(client)
        client.sendall(agent)
        self.assertEqual(line_of(client), "ok\n")
        self.assertEqual(os.read(self.ready, 10), b"up\n")

    def test_a_taken_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            process = Process(STUB, "serve", port, HASH, 1, 60, 0, 0, "end")
            self.assertEqual(process.wait(), 1)
            self.assertIn(f"cannot listen on the job's port {port}", process.output)

    def test_without_memory_to_run_from(self):
        """Where memfd_create(2) is forbidden it runs from a file, which is gone at once."""
        directory = tempfile.mkdtemp()
        filtered = compiled(NO_MEMFD)
        self.start(stub=filtered, places=(directory,), env={"REAL": str(STUB)})
        self.become()
        self.assertEqual(list(Path(directory).iterdir()), [])

    def test_random_talk(self):
        self.start()
        for _ in range(200):
            client = connect(self.port)
            client.sendall(os.urandom(int.from_bytes(os.urandom(2), "big")))
            client.close()
        self.become()


# seccomp(2): memfd_create fails with ENOSYS; then the stub.
NO_MEMFD = r"""
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char** arguments) {
  (void)count;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 9;
  execv(getenv("REAL"), arguments);
  return 9;
}
"""


if __name__ == "__main__":
    unittest.main()
