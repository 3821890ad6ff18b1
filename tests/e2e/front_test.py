"""Stock SSH ends on the laptop (`rdev proxy`, `rdev connect`): what it does there, and whom it trusts. What clients of
all kinds get through it is shown by the interop tests, which come in this way as well (tests/lab/front.py)."""
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import exchange, web
from lab.agent import Agent
from lab.client import RDEV_HOME, rdev, rdev_json, ssh, up, up_for_module
from lab.exchange import MEGABYTES, Server, connect, new_path, read_all, refuses, sha
from lab.link import link_pid
from lab.proc import Process, eventually, program, run
from lab.ssh import control_path
from lab.ssh_agent import SshAgent
from lab.terminal import Terminal

NAME = "front"
HOST = f"rdev-{NAME}"


def setUpModule():
    up_for_module(NAME)
    rdev("ssh-config", "--install")


def job_directory(name=NAME):
    return RDEV_HOME / "state/jobs" / name


def shown_key(*options, name=NAME):
    """The fingerprint that ssh sees."""
    return re.search(r"Server host key: \S+ (SHA256:\S+)", ssh(name, "true", options=["-v", *options]).errors)[1]


def raw(name=NAME):
    return ("-o", f"ProxyCommand={program('rdev')} proxy --raw {name}")


def fingerprints(name=NAME):
    """Of the front and of the agent, from known_hosts."""
    listed = run("ssh-keygen", "-lf", job_directory(name) / "known_hosts").text
    return re.findall(r"SHA256:\S+", listed)


class Case(unittest.TestCase):
    def start(self, *options, ready, words=(), host=HOST):
        process = Process("ssh", "-o", "BatchMode=yes", *options, host, *words)
        self.addCleanup(process.kill)
        process.wait_for(ready)
        return process


class Keys(Case):
    def test_known_hosts_has_both_and_each_leg_shows_its_own(self):
        front, agent = fingerprints()
        self.assertNotEqual(front, agent)
        self.assertEqual(shown_key(), front)
        self.assertEqual(shown_key(*raw()), agent)
        self.assertEqual((job_directory() / "front_key").stat().st_mode & 0o777, 0o600)

    def test_connect_prints_the_one_that_its_port_shows(self):
        answer = json.loads(rdev("connect", "--detach", "--json", NAME).text)
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        self.assertEqual(answer["host_key_fingerprint"], fingerprints()[0])
        known = Path(tempfile.mkdtemp()) / "known_hosts"
        known.write_text(f"[127.0.0.1]:{answer['port']} {answer['host_key']}\n")
        done = run("ssh", "-F", "none", "-p", answer["port"], "-i", answer["identity_file"], "-o", "BatchMode=yes", "-o",
                   f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes", f"{answer['user']}@127.0.0.1",
                   "echo $SSH_CONNECTION")
        self.assertRegex(done.text, rf"^127\.0\.0\.1 \d+ 127\.0\.0\.1 {answer['port']}\n$")

    def test_a_job_of_an_older_rdev_gets_one(self):
        up(self, "older")
        directory = job_directory("older")
        (directory / "front_key").unlink()
        known = directory / "known_hosts"
        known.write_text(known.read_text().splitlines()[1] + "\n")
        with ThreadPoolExecutor(4) as pool:
            for done in pool.map(lambda i: ssh("older", f"echo {i}", code=None), range(4)):
                self.assertEqual(done.code, 0, done)
        self.assertEqual(len(known.read_text().splitlines()), 2)
        self.assertIn(shown_key(name="older"), fingerprints("older"))
        self.assertEqual((directory / "front_key").stat().st_mode & 0o777, 0o600)
        again = rdev("up", "older")
        self.assertIn("already running", again.text)
        self.assertEqual(ssh("older", "echo in").text, "in\n")


class Handshake(Case):
    def test_the_slow_key_exchange_is_left_to_the_line(self):
        """sntrup761 takes OpenSSH's client longer than all the rest; the local leg does not leave the machine."""
        kex = r"kex: algorithm: (\S+)"
        near = re.search(kex, ssh(NAME, "true", options=["-v"]).errors)[1]
        far = re.search(kex, ssh(NAME, "true", options=["-v", *raw()]).errors)[1]
        self.assertRegex(near, "^(mlkem768x25519|curve25519)-sha256$")
        self.assertRegex(far, "^(mlkem768x25519-sha256|sntrup761x25519-sha512(@openssh.com)?)$")


class ManInTheMiddle(Case):
    def test_the_local_leg_is_pinned_by_the_fronts_key(self):
        """Another process of the laptop that lets everybody in, where ssh expects the front."""
        evil = Agent(key=self.stolen())
        self.addCleanup(evil.end)
        to = ["-o", "ProxyCommand=none", "-o", "HostName=127.0.0.1", "-p", str(evil.port)]
        done = ssh(NAME, "echo reached", options=to, code=255)
        self.assertIn("Host key verification failed", done.errors)
        self.assertNotIn(b"reached", done.out)
        # Without the pin it would have come in.
        self.assertEqual(ssh(NAME, "echo reached", options=["-o", "StrictHostKeyChecking=no", *to]).text, "reached\n")

    def stolen(self):
        """A copy of the job's user key, so that only the pin stands between."""
        copy = Path(tempfile.mkdtemp()) / "stolen"
        copy.write_bytes((job_directory() / "key").read_bytes())
        copy.chmod(0o600)
        Path(f"{copy}.pub").write_text(run("ssh-keygen", "-y", "-f", copy).text)
        return copy

    def test_the_line_to_the_job_is_pinned_by_the_agents_key(self):
        """The link process looks at it; that the front's key is right does not help."""
        up(self, "mitm")
        ssh("mitm", "true")
        path = job_directory("mitm") / "job.json"
        record = json.loads(path.read_text())
        front = run("ssh-keygen", "-y", "-f", job_directory("mitm") / "front_key").text.split()
        path.write_text(json.dumps(record | {"host_public_key": " ".join(front[:2])}))
        os.kill(link_pid("mitm"), signal.SIGKILL)
        done = ssh("mitm", "echo reached", code=255)
        self.assertIn("this is another server", done.errors)
        self.assertNotIn(b"reached", done.out)

    def test_nobody_without_the_jobs_key_comes_in(self):
        stranger = Path(tempfile.mkdtemp()) / "id"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger)
        done = ssh(NAME, "true", options=["-F", "none", *self.settings(stranger)], code=255)
        self.assertIn("Permission denied (publickey)", done.errors)
        # The user's long-lived key opens every job, here as there.
        own = RDEV_HOME / "config/id_ed25519"
        self.assertEqual(ssh(NAME, "echo in", options=["-F", "none", *self.settings(own)]).text, "in\n")

    def settings(self, key):
        values = {"ProxyCommand": f"{program('rdev')} proxy {NAME}", "HostKeyAlias": HOST, "User": "rdev",
                  "IdentityFile": key, "IdentitiesOnly": "yes", "StrictHostKeyChecking": "yes",
                  "UserKnownHostsFile": job_directory() / "known_hosts"}
        return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


class Sessions(Case):
    def test_exit_codes_signals_and_stderr_apart(self):
        done = ssh(NAME, "echo out; echo err >&2; exit 7", code=7)
        self.assertEqual((done.text, done.errors), ("out\n", "err\n"))
        self.assertIn("rtype exit-signal", ssh(NAME, "kill -KILL $$", options=["-v"], code=255).errors)

    def test_shell_on_a_terminal(self):
        with Terminal("ssh", HOST, rows=31, columns=97) as t:
            t.type("stty size; echo $SSH_TTY\n")
            t.expect("31 97")
            t.expect("/dev/pts/")
            t.resize(50, 120)
            t.type("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo resi''zed\n")
            t.expect("resized")
            t.type("exit 4\n")
            self.assertEqual(t.wait(), 4)

    def test_the_environment_is_that_of_an_ssh_session(self):
        out = ssh(NAME, "env", options=["-o", "SetEnv=LC_LAB=sent BASH_ENV=/evil"]).text
        self.assertIn("LC_LAB=sent\n", out)
        self.assertNotIn("/evil", out)
        self.assertIn("SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535\n", out)

    def test_half_close_and_much_both_ways(self):
        data = os.urandom(30_000_000)
        out = ssh(NAME, "sha256sum; head -c 20000000 /dev/zero | sha256sum", input=data).text.split()
        self.assertEqual(out[0], hashlib.sha256(data).hexdigest())
        self.assertEqual(out[2], hashlib.sha256(bytes(20_000_000)).hexdigest())
        self.assertEqual(ssh(NAME, "cat", input=data).out, data)

    def test_files(self):
        work = Path(tempfile.mkdtemp())
        (work / "here").write_bytes(os.urandom(3_000_000))
        for i, how in enumerate((["scp", "-q"], ["scp", "-q", "-O"])):
            run(*how, work / "here", f"{HOST}:{work}/there{i}")
            run(*how, f"{HOST}:{work}/there{i}", work / f"back{i}")
            self.assertEqual((work / f"back{i}").read_bytes(), (work / "here").read_bytes())
        out = run("sftp", "-b", "-", HOST, input=f"pwd\nget {work}/here {work}/got\n").text
        self.assertIn(os.environ["HOME"], out)
        self.assertEqual((work / "got").read_bytes(), (work / "here").read_bytes())

    def test_twenty_sessions_of_one_connection(self):
        control = control_path()
        self.start("-M", "-S", control, ready="up", words=["echo up; exec sleep 1000"])
        with ThreadPoolExecutor(20) as pool:
            texts = pool.map(lambda i: ssh(NAME, f"echo {i}", options=["-S", control]).text, range(20))
            self.assertEqual(list(texts), [f"{i}\n" for i in range(20)])

    def test_what_a_client_leaves_is_hung_up(self):
        process = self.start("-tt", ready="up", words=["echo up; exec sleep 4711"])
        process.kill()
        eventually(lambda: not run("pgrep", "-xf", "sleep 4711", code=None).text, "the command is hung up")


class Forwards(Case):
    def check(self, listens, server):
        with connect(listens) as s:
            s.sendall(MEGABYTES)
            s.shutdown(exchange.socket.SHUT_WR)
            answer = read_all(s)
        self.assertEqual(answer[:64].decode(), sha(MEGABYTES))
        self.assertEqual(sha(answer[64:]), sha(MEGABYTES))

    def test_local_remote_ports_and_paths(self):
        for kind in ("port", "path"):
            server = Server(self, exchange.answer_after_end, 0 if kind == "port" else new_path())
            here = web.free_port() if kind == "port" else new_path()
            self.start("-L", f"{here}:{server.spec}", ready="up", words=["echo up; exec sleep 1000"])
            self.check(here, server)
            there = web.free_port() if kind == "port" else new_path()
            self.start("-o", "ExitOnForwardFailure=yes", "-R", f"{there}:{server.spec}", ready="up",
                       words=["echo up; exec sleep 1000"])
            self.check(there, server)
            second = ssh(NAME, "true", options=["-o", "ExitOnForwardFailure=yes", "-R", f"{there}:{server.spec}"], code=255)
            self.assertIn("forwarding failed", second.errors)

    def test_any_port_and_what_ends_with_the_client(self):
        server = Server(self, exchange.answer_after_end)
        tunnel = self.start("-N", "-R", f"0:{server.spec}", ready="Allocated port")
        port = int(re.search(r"Allocated port (\d+)", tunnel.output)[1])
        self.check(port, server)
        tunnel.kill()
        eventually(lambda: refuses(port), "nobody listens any more")

    def test_socks(self):
        port = web.free_port()
        self.start("-D", str(port), ready="up", words=["echo up; exec sleep 1000"])
        with web.pages() as pages:
            out = run("curl", "-sS", "--noproxy", "", "--socks5-hostname", f"127.0.0.1:{port}", f"http://localhost:{pages}/777")
        self.assertEqual(len(out.out), 777)

    def test_a_refusal_has_its_reason(self):
        done = ssh(NAME, options=["-W", f"127.0.0.1:{web.free_port()}"], code=255)
        self.assertRegex(done.errors, "connect failed: .*refused")

    def test_agent(self):
        lent = SshAgent(self)
        self.assertIn(lent.fingerprint, ssh(NAME, "ssh-add -l", options=lent.options).text)
        self.assertEqual(ssh(NAME, "echo sock=$SSH_AUTH_SOCK").text, "sock=\n")


class Ends(Case):
    def test_the_link_process_dies(self):
        """Stock ssh does not notice."""
        session = self.start(ready="up", words=["echo up; sleep 3; echo still there"])
        os.kill(link_pid(NAME), signal.SIGKILL)
        self.assertEqual(session.wait(), 0)
        self.assertIn("still there", session.output)

    def test_the_link_is_lost(self):
        up(self, "lost")
        session = self.start(ready="up", words=["echo up; exec sleep 1000"], host="rdev-lost")
        rdev("down", "lost")
        self.assertEqual(session.wait(), 255)
        self.assertRegex(session.output, r"(?m)^rdev: .*lost")

    def test_the_link_of_a_port_is_lost(self):
        up(self, "portless")
        answer = json.loads(rdev("connect", "--detach", "--json", "portless").text)
        to = ["-o", "ProxyCommand=none", "-o", "HostName=127.0.0.1", "-p", str(answer["port"])]
        session = self.start(*to, ready="up", words=["echo up; exec sleep 1000"], host="rdev-portless")
        (tunnel,) = rdev_json("forward", "portless", "--list")["tunnels"]
        self.assertEqual(tunnel["connections"], 1)
        self.assertGreater(tunnel["bytes_in"], 0)
        rdev("down", "portless")
        self.assertEqual(session.wait(), 255)

    def test_the_job_is_gone(self):
        up(self, "gone")
        run(program("rdev"), "down", "gone")
        done = subprocess.run([program("rdev"), "proxy", "gone"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"gone", done.stderr)


if __name__ == "__main__":
    unittest.main()
