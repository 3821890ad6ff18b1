"""`rdev doctor` of a cluster, from its name to the user's token: each fault is made, and is told of once, within two seconds."""
import base64
import json
import tempfile
import unittest
from pathlib import Path

from lab.client import RDEV_HOME, rdev
from lab.doctor import Faults, doctor, not_well, silent
from lab.netem import Link
from lab.openpai import OpenPai
from lab.proc import Process, run
from lab.web import free_port

STAGES = ("name", "connection", "TLS", "API", "version", "token", "clock")


def certificate(name):
    """A certificate that it has signed itself, with its key; (certificate, both)."""
    directory = Path(tempfile.mkdtemp())
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=lab",
        "-addext", f"subjectAltName={name}", "-keyout", directory / "key", "-out", directory / "cert")
    both = directory / "both"
    both.write_text((directory / "cert").read_text() + (directory / "key").read_text())
    return directory / "cert", both


class Cluster(Faults):
    @classmethod
    def setUpClass(cls):
        cls.pai = OpenPai()
        cls.addClassCleanup(cls.pai.stop)
        cls.pai.join()
        cls.addClassCleanup(rdev, "cluster", "remove", "pai", code=None)
        cls.file = RDEV_HOME / "config/clusters/pai.yaml"
        cls.entry, cls.token = cls.file.read_text(), cls.pai.token

    def setUp(self):
        super().setUp()
        self.addCleanup(self.file.write_text, self.entry)
        self.addCleanup(self.write_token, self.token)

    def write_token(self, token):
        path = RDEV_HOME / "state/tokens/pai"
        path.touch(0o600)
        path.write_text(token + "\n")

    def url(self, url, more=""):
        lines = [line for line in self.entry.splitlines() if not line.startswith("url:")]
        self.file.write_text("\n".join([*lines, f"url: {url}"]) + f"\n{more}")

    def only_stage(self, stage, status, detail, env=None):
        """What comes before it is well, and what comes behind a fault is skipped."""
        rows = self.only(f"cluster pai: {stage}", status, detail, env)
        at = STAGES.index(stage)
        seen = [rows[f"cluster pai: {name}"]["status"] for name in STAGES]
        self.assertTrue(set(seen[:at]) <= {"ok", "info"}, seen)
        if status == "fail" and stage != "token":
            self.assertEqual(set(seen[at + 1:]) - {"skipped"}, set(), seen)
        return rows

    def test_all_is_well(self):
        rows = doctor(code=0)
        self.assertEqual([rows[f"cluster pai: {name}"]["status"] for name in STAGES], ["ok", "ok", "info", "ok", "ok", "ok", "ok"])
        self.assertEqual(rows["cluster pai: version"]["detail"], "OpenPAI v1.8.1")
        self.assertRegex(rows["cluster pai: token"]["detail"], "^alice's, expires in 6d")

    def test_a_name_that_nobody_knows(self):
        self.url("http://no-such-host.invalid")
        self.only_stage("name", "fail", "no-such-host.invalid does not resolve")

    def test_a_port_that_is_refused(self):
        self.url(f"http://127.0.0.1:{free_port()}")
        self.only_stage("connection", "fail", "(?i)refused")

    def test_a_server_that_never_answers(self):
        with silent() as port:
            self.url(f"http://127.0.0.1:{port}")
            self.only_stage("API", "fail", "no answer within 1.3 s")
            self.url(f"https://127.0.0.1:{port}")
            self.only_stage("TLS", "fail", "no answer within 1.3 s")

    def test_two_that_hang_cost_no_more_than_one(self):
        with silent() as port:
            self.url(f"http://127.0.0.1:{port}")
            other = self.file.with_name("second.yaml")
            self.addCleanup(other.unlink)
            other.write_text(self.file.read_text())
            self.assertEqual(not_well(doctor()), {"cluster pai: API": "fail", "cluster second: API": "fail"})

    def test_certificates(self):
        ca, own = certificate("IP:127.0.0.1")
        server = OpenPai(tls=own)
        self.addCleanup(server.stop)
        self.url(server.url)
        rows = self.only_stage("TLS", "fail", "(?i)self.signed")
        self.assertIn("ca: FILE", rows["cluster pai: TLS"]["cure"])
        self.url(server.url, f"ca: {ca}\n")
        self.assertEqual(doctor()["cluster pai: TLS"]["status"], "ok")
        self.url(server.url, "insecure: true\n")
        self.assertEqual(doctor()["cluster pai: TLS"]["status"], "warn")

    def test_a_certificate_of_another(self):
        ca, own = certificate("DNS:pai.example.com")
        server = OpenPai(tls=own)
        self.addCleanup(server.stop)
        self.url(server.url, f"ca: {ca}\n")
        self.only_stage("TLS", "fail", "mismatch")

    def test_https_where_http_is_spoken(self):
        self.url(self.pai.url.replace("http:", "https:"))
        self.only_stage("TLS", "fail", "TLS handshake")

    def test_a_ca_that_is_not_there(self):
        self.url(self.pai.url, "ca: /no/such.pem\n")
        self.only("cluster pai", "fail", "/no/such.pem")

    def test_what_is_no_openpai(self):
        self.pai.control("fault", kind="status", status=200, path="/api/v2/info", body="<html>welcome</html>", count=9)
        self.addCleanup(self.pai.control, "clear")
        self.only_stage("API", "fail", "(?i)openpai")

    def test_a_version_that_is_too_old(self):
        self.pai.control("info", version="v0.16.0")
        self.addCleanup(self.pai.control, "info", version="v1.8.1")
        self.only_stage("version", "fail", "0.16")

    def test_no_token(self):
        (RDEV_HOME / "state/tokens/pai").unlink()
        rows = self.only_stage("token", "fail", "there is none")
        self.assertEqual(rows["cluster pai: token"]["cure"], "rdev cluster login pai")
        self.assertEqual(rows["cluster pai: clock"]["status"], "ok")

    def test_a_token_that_has_expired(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        claims = {"username": "alice", "iat": 1_600_000_000, "exp": 1_600_000_100}
        self.write_token(f"{part({'alg': 'HS256'})}.{part(claims)}.{part({})}")
        rows = self.only_stage("token", "fail", "(?i)expired")
        self.assertEqual(rows["cluster pai: token"]["cure"], "rdev cluster login pai")
        self.assertNotIn(part(claims), json.dumps(rows))

    def test_a_token_that_expires_soon(self):
        self.pai.control("auth", lifetime_s=3600)
        self.addCleanup(self.pai.control, "auth", lifetime_s=7 * 86400)
        rdev("cluster", "login", "pai", env={"RDEV_PASSWORD": self.pai.password})
        self.only_stage("token", "warn", "expires in 59m|expires in 1h")

    def test_a_clock_that_is_wrong(self):
        self.pai.control("clock", ahead_s=600)
        self.addCleanup(self.pai.control, "clock", ahead_s=0)
        self.only_stage("clock", "warn", "is 10m behind the server's|is 9m behind")
        self.pai.control("clock", ahead_s=-7200)
        self.only_stage("clock", "warn", "ahead of the server's")
        self.pai.control("clock", ahead_s=30)
        self.assertEqual(not_well(doctor()), {})

    def test_a_proxy_that_is_not_there(self):
        self.url("http://pai.example.com")
        port = free_port()
        self.only_stage_behind_a_proxy(f"http://127.0.0.1:{port}")
        self.url("http://127.0.0.1:1", "")
        rows = self.only("proxies", "fail", "http_proxy", {"http_proxy": "ftp://127.0.0.1"})
        self.assertEqual(rows["cluster pai"]["status"], "skipped")

    def only_stage_behind_a_proxy(self, proxy):
        rows = self.only("cluster pai: connection", "fail", "the proxy of http_proxy", {"http_proxy": proxy})
        self.assertIn("http_proxy", rows["cluster pai: connection"]["cure"])
        self.assertEqual(rows["cluster pai: TLS"]["status"], "skipped")

    def test_through_a_proxy(self):
        ca, own = certificate("IP:127.0.0.1")
        server = OpenPai(tls=own)
        self.addCleanup(server.stop)
        with Process("/usr/bin/python3", "-u", "-c", PROXY) as proxy:
            env = {"https_proxy": f"http://127.0.0.1:{proxy.wait_for('port ([0-9]+)').group(1)}"}
            self.url(server.url, f"ca: {ca}\n")
            rows = doctor(env)
            self.assertIn("the proxy of https_proxy", rows["cluster pai: connection"]["detail"])
            self.assertEqual(rows["cluster pai: TLS"]["status"], "ok")
            self.url(server.url)
            rows = doctor(env)
            self.assertEqual(not_well(rows), {"cluster pai: TLS": "fail"})
            self.assertEqual(rows["cluster pai: API"]["status"], "skipped")


    def test_one_that_is_far_away(self):
        """Seven round trips one after the other would be too many."""
        link = Link(rtt_ms=200)
        self.addCleanup(link.close)
        ca, own = certificate(f"IP:{link.job.address}")
        server = OpenPai(listen=f"{link.job.address}:0", host=link.job, tls=own)
        self.addCleanup(server.stop)
        rdev("cluster", "add", "far", "--url", server.url, "--user", "alice", "--ca", ca, env={"RDEV_PASSWORD": server.password})
        self.addCleanup(rdev, "cluster", "remove", "far")
        rows = doctor()
        self.assertEqual(not_well(rows), {})
        self.assertEqual(rows["cluster far: token"]["status"], "ok")


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
        data = client.recv(4096)
        if not data:
            return
        head += data
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
