"""`rdev doctor` of the laptop and its clusters: each fault is made here, and is told of once, with a cure, within two seconds."""
import base64
import json
import os
import shutil
import signal
import socket
import tempfile
import time
import unittest
from pathlib import Path

from lab.client import HOME, RDEV_HOME, check_schema, rdev, rdev_json, up
from lab.netem import Link
from lab.openpai import OpenPai
from lab.proc import PATIENCE, Process, processes, program, run
from lab.web import free_port

SSH_CONFIG = HOME / ".ssh/config"
STAGES = ("name", "connection", "TLS", "API", "version", "token", "clock")


def doctor(env=None, code=None):
    """{check: row}; more rows of one check are told of as one."""
    began = time.monotonic()
    done = rdev("doctor", "--json", env=env, code=code)
    took = time.monotonic() - began
    assert took < 2 * PATIENCE, f"rdev doctor took {took:.1f} s"
    rows = json.loads(done.text)
    check_schema(("doctor",), rows)
    bad = [row for row in rows if row["status"] == "fail"]
    assert done.code == (1 if bad else 0), done
    assert all(row["cure"] for row in rows if row["status"] in ("warn", "fail")), rows
    return {row["check"]: row for row in rows}


def not_well(rows):
    return {check: row["status"] for check, row in rows.items() if row["status"] in ("warn", "fail")}


def with_include():
    shutil.rmtree(SSH_CONFIG.parent, ignore_errors=True)
    rdev("ssh-config", "--install")


class Faults(unittest.TestCase):
    """With `only`: exactly this line is not well, and it says so."""

    def setUp(self):
        with_include()

    def only(self, check, status, detail, env=None):
        rows = doctor(env)
        self.assertEqual(not_well(rows), {check: status}, [row for row in rows.values() if row["status"] in ("warn", "fail")])
        self.assertRegex(rows[check]["detail"], detail)
        return rows


class Laptop(Faults):
    def test_nothing_is_wrong(self):
        rows = doctor(code=0)
        self.assertEqual(not_well(rows), {})
        self.assertEqual(rows["docker"]["status"], "info")  # not installed is no fault
        text = rdev("doctor").text
        self.assertIn("all is well", text)
        self.assertNotIn("\033", text)
        self.assertRegex(rows["ssh"]["detail"], "^OpenSSH")

    def test_colours_are_for_terminals(self):
        def on_a_terminal(**env):
            return run("script", "-qec", f"{program('rdev')} doctor", "/dev/null", env=env).text
        self.assertIn("\033[32m", on_a_terminal())
        self.assertNotIn("\033[32m", on_a_terminal(NO_COLOR="1"))

    def path_with(self, name, script):
        directory = Path(tempfile.mkdtemp())
        for tool in ("sh", "sleep", "scp"):
            (directory / tool).symlink_to(shutil.which(tool))
        if script:
            (directory / name).write_text(f"#!/bin/sh\n{script}\n")
            (directory / name).chmod(0o755)
        return {"PATH": str(directory)}

    def test_no_ssh(self):
        rows = self.only("ssh", "warn", "no ssh in the PATH", self.path_with("ssh", None))
        self.assertEqual(rows["copying"]["detail"], "found: scp; not found: sftp, rsync")

    def test_an_ssh_that_fails(self):
        self.only("ssh", "fail", "does not tell a version", self.path_with("ssh", "exit 1"))

    def test_an_ssh_that_hangs(self):
        self.only("ssh", "fail", "no answer within 1.5 s", self.path_with("ssh", "exec sleep 1000"))

    def test_without_the_include_line(self):
        rdev("ssh-config", "--uninstall")
        rows = self.only("ssh configuration", "warn", "does not include")
        self.assertIn("rdev ssh-config --install", rows["ssh configuration"]["cure"])

    def test_an_include_line_behind_a_host(self):
        SSH_CONFIG.write_text("Host work\n  User me\n" + SSH_CONFIG.read_text())
        self.only("ssh configuration", "fail", "behind a Host or Match")

    def write(self, name, text):
        path = RDEV_HOME / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.addCleanup(path.unlink)

    def test_a_configuration_that_cannot_be_read(self):
        self.write("config.yaml", "cluster: [docker\n")
        self.only("configuration", "fail", r"config\.yaml:\d")

    def test_a_cluster_that_cannot_be_read(self):
        self.write("clusters/odd.yaml", "kind: openpai\nurll: http://127.0.0.1\n")
        self.only("configuration", "fail", r"odd\.yaml:2")

    def test_a_directory_that_cannot_be_written_to(self):
        work = Path(tempfile.mkdtemp())
        env = {"RDEV_HOME": "", "XDG_CONFIG_HOME": f"{work}/config", "XDG_STATE_HOME": f"{work}/state", "XDG_RUNTIME_DIR": f"{work}"}
        (work / "state").mkdir()
        rdev("ssh-config", "--install", env=env)
        run("mount", "-t", "tmpfs", "-o", "ro", "none", work / "state")
        self.addCleanup(run, "umount", work / "state")
        self.only("directories", "fail", "(?i)read-only", env)

    def test_a_token_that_others_can_read(self):
        token = RDEV_HOME / "state/tokens/old"
        token.parent.mkdir(parents=True, exist_ok=True)
        (RDEV_HOME / "state").chmod(0o700)
        token.write_text("secret")
        self.addCleanup(token.unlink)
        token.chmod(0o640)
        rows = self.only("permissions", "fail", str(token))
        self.assertNotIn("secret", json.dumps(rows))
        run("sh", "-c", rows["permissions"]["cure"])
        self.assertEqual(not_well(doctor()), {})

    def test_a_runtime_directory_that_is_too_long(self):
        home = Path(tempfile.mkdtemp()) / ("d" * 80)
        home.mkdir()
        rdev("ssh-config", "--install", env={"RDEV_HOME": str(home)})
        self.only("sockets", "warn", "too long for unix sockets", {"RDEV_HOME": str(home)})

    def test_a_runtime_directory_of_somebody_else(self):
        directory = RDEV_HOME / "run"
        directory.mkdir(exist_ok=True)
        os.chown(directory, 4242, 4242)
        self.addCleanup(os.chown, directory, 0, 0)
        self.only("sockets", "fail", "belongs to uid 4242")

    def test_what_a_crash_left(self):
        job = RDEV_HOME / "state/jobs/crashed"
        job.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, job, True)
        self.only("leftovers", "warn", "crashed")
        (job / "job.json").write_text("{")
        self.only("leftovers", "fail", "job.json")

    def test_an_entry_of_a_job_that_is_gone(self):
        entry = RDEV_HOME / "state/ssh.d/gone.conf"
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text("")
        rows = self.only("ssh entries", "warn", "gone.conf")
        run("sh", "-c", rows["ssh entries"]["cure"])
        self.assertEqual(not_well(doctor()), {})

    def test_an_entry_that_is_missing(self):
        up(self, "bare")
        (RDEV_HOME / "state/ssh.d/bare.conf").unlink()
        rows = self.only("ssh entries", "warn", "missing for bare")
        self.assertRegex(rows["job bare"]["detail"], "^link|^no link")
        rdev("up", "bare")
        self.assertEqual(not_well(doctor()), {})

    def test_a_link_process_that_hangs(self):
        up(self, "hung")
        rdev("exec", "hung", "--", "true")
        link = next(iter(processes("link-process\0hung") | processes("link-process hung")))
        os.kill(link, signal.SIGSTOP)
        self.addCleanup(os.kill, link, signal.SIGCONT)
        self.only("job hung", "fail", "no answer within 1.5 s")

    def test_a_proxy_that_is_none(self):
        rows = self.only("proxies", "fail", "socks5", {"https_proxy": "socks5://user:hidden@127.0.0.1:1"})
        self.assertNotIn("hidden", json.dumps(rows))

    def test_proxies_are_told(self):
        rows = doctor({"HTTPS_PROXY": "http://user:hidden@proxy.example.com:3128"}, code=0)
        self.assertEqual(rows["proxies"]["detail"], "HTTPS_PROXY is proxy.example.com port 3128")

    def test_an_engine_that_is_not_there(self):
        self.only("docker", "fail", "DOCKER_HOST", {"DOCKER_HOST": "unix:///no/such.sock"})

    def test_an_engine_that_never_answers(self):
        with silent() as port:
            self.only("docker", "fail", "did not answer", {"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})

    def test_an_engine_that_is_none(self):
        self.only("docker", "fail", "DOCKER_HOST", {"DOCKER_HOST": "nonsense://"})

    def test_usage(self):
        self.assertIn("Bad_Name", rdev("doctor", "Bad_Name", code=2).errors)


class silent:
    """A port that takes connections and says nothing."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()


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


class Job(Faults):
    def job(self, name, code=None):
        done = rdev("doctor", name, "--json", code=code)
        return {row["check"]: row for row in json.loads(done.text)}

    def test_of_nobody(self):
        rows = self.job("nobody", code=1)
        self.assertEqual(not_well(rows), {"job nobody: known here": "fail"})
        self.assertEqual(rows["job nobody: link"]["status"], "skipped")

    def test_of_a_job_here(self):
        up(self, "here")
        rows = self.job("here", code=0)
        self.assertEqual([rows[f"job here: {one}"]["status"] for one in ("known here", "state", "endpoint", "link", "inside")], ["ok"] * 5)
        self.assertEqual({rows[one]["status"] for one in ("shell", "libc", "tar", "python3", "/tmp", "home", "disk /", "locale")}, {"ok"}, rows)
        self.assertIn("job here", doctor())

    def test_one_that_has_ended(self):
        fifo = Path(tempfile.mkdtemp()) / "fifo"
        os.mkfifo(fifo)
        up(self, "over", "--exit-with-command", "--", "sh", "-c", f"read line < {fifo}")
        fifo.write_text("go on\n")
        rdev("logs", "over", "-f")
        rows = self.job("over", code=1)
        self.assertEqual(not_well(rows), {"job over: state": "fail"})
        self.assertIn("rdev logs over", rows["job over: state"]["cure"])

    def test_nothing_is_run_there(self):
        up(self, "still", "--env", "PATH=/no/such", "--env", "LANG=xx_XX.UTF-8")
        rows = self.job("still", code=0)
        self.assertEqual(rows["tar"]["status"], "warn")
        self.assertIn("VS Code", rows["tar"]["detail"])
        self.assertEqual(rows["locale"]["status"], "warn")
        self.assertEqual(rdev_json("status", "still")["state"], "running")


if __name__ == "__main__":
    unittest.main()
