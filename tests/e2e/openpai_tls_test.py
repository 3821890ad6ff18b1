"""An OpenPAI server behind TLS: whose certificate is taken, and by which way it is reached."""
import tempfile
import unittest
from pathlib import Path

from lab.client import jobs, rdev, ssh, up
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import Process, run

why_of_the_fake = "the fake's certificates, and the proxies on the way to it, are made for the test"

def certificate(directory, name, *subject):
    """A certificate authority and what it says of `name`; (its file, certificate with key)."""
    ca, key, own = directory / f"{name}-ca.pem", directory / f"{name}-ca.key", directory / f"{name}.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name} authority", "-keyout", key, "-out", ca)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName={','.join(subject)}", "-CA", ca, "-CAkey", key,
        "-keyout", directory / "key", "-out", directory / "cert")
    own.write_text((directory / "cert").read_text() + (directory / "key").read_text())
    return ca, own


def setUpModule():
    global directory, ca, pai
    rdev("ssh-config", "--install")
    directory = Path(tempfile.mkdtemp())
    ca, own = certificate(directory, "pai", "IP:127.0.0.1")
    pai = OpenPai(tls=own)
    unittest.addModuleCleanup(pai.stop)


def add(*argv, url=None, env=None, **how):
    return rdev("cluster", "add", "safe", "--url", url or pai.url, "--user", "alice", *argv,
                env={"RDEV_PASSWORD": PASSWORDS["alice"], **(env or {})}, **how)


class Certificates(unittest.TestCase):
    def tearDown(self):
        self.doCleanups()
        rdev("cluster", "remove", "safe", code=None)
        self.assertEqual(jobs(), {})

    def test_of_an_authority_that_nobody_knows(self):
        said = add(code=1).errors
        self.assertIn("certificate", said)
        self.assertIn("(ca)", said)

    def test_of_an_authority_of_ones_own(self):
        add("--ca", ca)
        up(self, "safe", "--cluster", "safe", "--", "sleep", "100")
        self.assertEqual(ssh("safe", "echo here").text, "here\n")
        self.assertIn("listening", rdev("logs", "safe").text)

    def test_of_another_host(self):
        other, own = certificate(directory, "elsewhere", "DNS:pai.example.com")
        server = OpenPai(tls=own)
        self.addCleanup(server.stop)
        self.assertIn("mismatch", add("--ca", other, url=server.url, code=1).errors)

    def test_any_if_the_user_says_so(self):
        self.assertIn("is not checked", add("--insecure").errors)
        self.assertIn("is not checked", rdev("cluster", "show", "safe").errors)

    def test_http_where_https_is_spoken(self):
        said = add(url=pai.url.replace("https:", "http:"), code=1).errors
        self.assertIn("cannot reach http://", said)

    def test_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        add("--ca", ca, env={"https_proxy": f"http://127.0.0.1:{proxy.port}"})
        self.assertIn("CONNECT " + pai.url.removeprefix("https://"), proxy.process.output)
        said = add("--ca", ca, code=1, env={"https_proxy": "http://127.0.0.1:1"}).errors
        self.assertIn("the proxy of https_proxy", said)


class Proxy:
    """CONNECT, as a forward proxy does it; prints the first line of each request."""

    def __init__(self):
        self.process = Process("/usr/bin/python3", "-u", "-c", PROXY)
        self.port = self.process.wait_for(r"port (\d+)").group(1)

    def stop(self):
        self.process.kill()


PROXY = """
import socket, threading
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(client):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += client.recv(4096)
    print(head.split(b"\\r\\n")[0].decode())
    host, port = head.split()[1].decode().rsplit(":", 1)
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\\r\\n\\r\\n")
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1])
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


if __name__ == "__main__":
    unittest.main()
