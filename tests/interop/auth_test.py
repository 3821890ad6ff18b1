"""Who may enter, by which algorithms, and what happens to everybody else."""
import contextlib
import os
import re
import socket
import tempfile
import time
import unittest
from pathlib import Path

from lab import wire
from lab.agent import Agent, ConfiguredAgent
from lab.proc import PATIENCE, needs_tool, run
from lab.ssh import make_key

KEX = {"mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com",
       "curve25519-sha256", "curve25519-sha256@libssh.org"}
KEX_MARKERS = {"kex-strict-s-v00@openssh.com", "ext-info-s"}
CIPHERS = {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com",
           "aes256-ctr", "aes192-ctr", "aes128-ctr"}
# What an ssh-audit warns of that is older than these: "unknown", "experimental".
AUDIT_WARNS = {"mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com",
               "kex-strict-s-v00@openssh.com",
               "hmac-sha2-256", "hmac-sha2-512"}
LAST_MACS = ["hmac-sha2-256", "hmac-sha2-512"]
MACS = {"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", *LAST_MACS}


def setUpModule():
    global agent, target, silent, silent_since
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)
    # For the login grace: this one says nothing while the other tests go on.
    silent = socket.create_connection(("127.0.0.1", agent.port))
    silent_since = time.monotonic()
    unittest.addModuleCleanup(silent.close)


class Algorithms(unittest.TestCase):
    def test_only_the_listed_ones_are_offered(self):
        offered = wire.offer(agent.port)
        self.assertEqual(set(offered["kex"]) - KEX - KEX_MARKERS, set())
        self.assertEqual(offered["host_key"], ["ssh-ed25519"])
        for way in ("in", "out"):
            self.assertEqual(set(offered[f"cipher_{way}"]) - CIPHERS, set())
            self.assertEqual(set(offered[f"mac_{way}"]) - MACS, set())
            self.assertEqual(offered[f"compression_{way}"], ["none"])

    def test_what_must_be_there_is(self):
        offered = wire.offer(agent.port)
        self.assertEqual(offered["kex"][0], "mlkem768x25519-sha256")
        self.assertIn("kex-strict-s-v00@openssh.com", offered["kex"])
        self.assertLessEqual({"sntrup761x25519-sha512@openssh.com", "curve25519-sha256"}, set(offered["kex"]))
        self.assertLessEqual(CIPHERS - {"aes192-ctr"}, set(offered["cipher_in"]))
        self.assertLessEqual(MACS, set(offered["mac_in"]))
        self.assertEqual(offered["mac_in"][-2:], LAST_MACS)

    def test_ident_satisfies_strict_vendor_checks(self):
        with wire.connection(agent.port) as s:
            self.assertRegex(wire.ident(s), r"^SSH-2\.0-rdev_\S*\d\d")

    def test_each_offered_algorithm_works(self):
        offered = wire.offer(target.port)
        for kind, query, names in (("KexAlgorithms", "kex", offered["kex"]),
                                   ("Ciphers", "cipher", offered["cipher_in"])):
            known = run("ssh", "-Q", query).text.split()
            for name in set(names) & set(known):
                with self.subTest(name):
                    done = target.ssh("echo ok", options=["-o", f"{kind}={name}"])
                    self.assertEqual(done.text, "ok\n")
        for name in MACS:
            with self.subTest(name):
                target.ssh("true", options=["-o", f"MACs={name}", "-o", "Ciphers=aes128-ctr"])

    def test_old_algorithms_are_refused(self):
        for option in ("KexAlgorithms=diffie-hellman-group14-sha1", "Ciphers=aes128-cbc",
                       "HostKeyAlgorithms=ssh-rsa", "KexAlgorithms=ecdh-sha2-nistp256"):
            with self.subTest(option):
                done = target.ssh("true", options=["-o", option], code=255)
                self.assertIn("no matching", done.errors)
        done = target.ssh("true", options=["-o", "Ciphers=aes128-ctr", "-o", "MACs=hmac-sha1"], code=255)
        self.assertIn("no matching MAC", done.errors)

    def audit(self, level):
        """[(kind, name, what ssh-audit says)]"""
        needs_tool("ssh-audit")
        done = run("ssh-audit", "-n", "-l", level, "-p", str(agent.port), "127.0.0.1", code=None)
        self.assertIn(done.code, (0, 2, 3), done)  # fine, warnings, failures; 1: it could not look
        return re.findall(r"^\((kex|key|enc|mac)\) (\S+).*-- (.*)", done.text, re.MULTILINE)

    def test_ssh_audit_finds_no_failure(self):
        # With -l fail it names unknown algorithms as well, as warnings.
        self.assertEqual([line for line in self.audit("fail") if "[warn] unknown" not in line[2]], [])

    def test_ssh_audit_warns_of_the_listed_ones_only(self):
        found = {name for _, name, _ in self.audit("warn")}
        self.assertLessEqual(found, AUDIT_WARNS)
        self.assertTrue(found, "ssh-audit knows LAST_MACS: nothing of what it prints was understood")


class Methods(unittest.TestCase):
    def test_the_none_probe_is_told_publickey_only(self):
        done = target.ssh("true", options=["-v", "-o", "PreferredAuthentications=none", "-o", "LogLevel=DEBUG"],
                          code=255)
        self.assertIn("Authentications that can continue: publickey\r\n",
                      done.errors.replace("\r", "").replace("\n", "\r\n"))

    def test_passwords_are_refused(self):
        for method in ("password", "keyboard-interactive", "hostbased"):
            done = target.ssh("true", options=["-o", f"PreferredAuthentications={method}", "-o", "BatchMode=no",
                                               "-o", "NumberOfPasswordPrompts=1"],
                              code=255, env={"SSH_ASKPASS": "/bin/echo", "SSH_ASKPASS_REQUIRE": "force"})
            self.assertIn("Permission denied (publickey)", done.errors)

    def test_another_users_key_is_refused(self):
        stranger = make_key(tempfile.mkdtemp())
        done = target.variant(key=stranger).ssh("true", code=255)
        self.assertIn("Permission denied (publickey)", done.errors)

    def test_key_kinds_that_may_be_authorised(self):
        work = Path(tempfile.mkdtemp())
        for kind in ("ed25519", "ecdsa", "rsa"):
            with self.subTest(kind), Agent(key=make_key(work, kind, kind)) as other:
                self.assertEqual(other.direct.ssh("echo in").text, "in\n")

    def test_rsa_signs_with_sha2_only(self):
        with Agent(key=make_key(tempfile.mkdtemp(), "rsa", "rsa")) as other:
            for algorithm, code in (("rsa-sha2-256", 0), ("rsa-sha2-512", 0), ("ssh-rsa", 255)):
                with self.subTest(algorithm):
                    other.direct.ssh("true", options=["-o", f"PubkeyAcceptedAlgorithms={algorithm}"], code=code)

    def test_several_keys_in_the_config(self):
        work = Path(tempfile.mkdtemp())
        keys = [make_key(work, kind, kind) for kind in ("ed25519", "ecdsa", "rsa")]
        run("ssh-keygen", "-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", work / "p521")
        keys.append(work / "p521")
        lines = [Path(f"{key}.pub").read_text().strip() for key in keys]
        agent = ConfiguredAgent(self, authorized_keys=lines).up()
        for key in keys:
            with self.subTest(key.name):
                self.assertEqual(agent.direct.variant(key=key).ssh("echo in").text, "in\n")
        stranger = make_key(tempfile.mkdtemp())
        self.assertIn("Permission denied", agent.direct.variant(key=stranger).ssh("true", code=255).errors)

    def keys(self, count):
        work = tempfile.mkdtemp()
        return [f"IdentityFile {make_key(work, f'wrong{i}')}" for i in range(count)]

    def test_the_right_key_within_six_tries(self):
        # Options come after the right key's own IdentityFile: name the wrong ones first.
        wrong = self.keys(5)
        right = target.variant(key=wrong[0].split()[1], options=(*wrong[1:], f"IdentityFile {target.key}"))
        self.assertEqual(right.ssh("echo in").text, "in\n")

    def test_no_more_than_six_tries(self):
        wrong = self.keys(8)
        late = target.variant(key=wrong[0].split()[1], options=(*wrong[1:], f"IdentityFile {target.key}"))
        done = late.ssh("true", options=["-o", "LogLevel=DEBUG1"], code=255)
        self.assertLessEqual(done.errors.count("Offering public key"), 7, done)
        self.assertNotIn("Authenticated to", done.errors)


class Users(unittest.TestCase):
    def who(self, user, **how):
        return target.variant(user=user).ssh("id -u; echo $HOME; echo $USER", **how)

    def test_own_name_and_alias(self):
        for user in ("root", "rdev"):
            self.assertEqual(self.who(user).text.split()[0], "0")

    def test_root_agent_serves_every_passwd_user_as_that_user(self):
        done = self.who("lab").text.split()
        self.assertEqual(done, ["4242", str(Path(os.environ["RDEV_LAB"]) / "lab"), "lab"])
        groups = target.variant(user="lab").ssh("id -G; touch ~/mine; test ! -w /etc/shadow && echo safe").text
        self.assertEqual(groups, "4242\nsafe\n")

    def test_sftp_runs_as_that_user_too(self):
        lab = target.variant(user="lab")
        lab.sftp("put /etc/passwd by-sftp\n")
        self.assertEqual((Path(os.environ["RDEV_LAB"]) / "lab/by-sftp").stat().st_uid, 4242)
        lab.sftp("get /etc/shadow /dev/null\n", code=1)

    def test_unknown_users_are_refused(self):
        for user in ("nobody-knows", "x" * 300, "root;id", "-root", ""):
            with self.subTest(user):
                done = target.ssh("true", options=["-o", f"User={user}"] if user else ["-o", 'User=" "'], code=255)
                self.assertNotIn("uid=", done.text)

    def test_an_agent_without_root_serves_itself_only(self):
        wrap = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"]
        work = tempfile.mkdtemp()
        os.chown(work, 4242, 4242)
        with Agent(wrap=wrap, directory=work, env={"HOME": work}) as own:
            for user in ("lab", "rdev"):
                self.assertEqual(own.target.variant(user=user).ssh("id -u").text, "4242\n")
            for user in ("root", "daemon"):
                done = own.direct.variant(user=user).ssh("true", code=255)
                self.assertIn("Permission denied", done.errors)


class ManInTheMiddle(unittest.TestCase):
    def test_another_host_key_is_refused(self):
        with Agent(key=target.key) as other:
            done = other.target.variant(host_key=target.host_key).ssh("true", code=255)
        self.assertIn("Host key verification failed", done.errors)

    def test_each_agent_makes_its_own_key(self):
        with Agent(key=target.key) as other:
            self.assertNotEqual(other.target.host_key, target.host_key)


class Strangers(unittest.TestCase):
    """Connections that never log in."""

    def test_nonsense_ends_that_connection_only(self):
        with target.start("echo up; cat", stdin=-1) as session:
            session.wait_for("up")
            for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50, b"SSH-1.5-old\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 4096,
                          b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x14" + b"\0" * 64, b"\0" * 100_000):
                with wire.connection(agent.port, timeout=5 * PATIENCE) as s:
                    try:
                        s.sendall(words)
                        with contextlib.suppress(OSError):  # the agent was faster
                            s.shutdown(socket.SHUT_WR)
                        wire.seconds_until_closed(s, time.monotonic)
                    except ConnectionError:
                        pass
            session.popen.stdin.write(b"still here\n")
            session.popen.stdin.close()
            session.wait_for("still here")
            self.assertEqual(session.wait(), 0)

    def test_zz_login_grace(self):
        """Last by name: the silent connection of setUpModule ends after 20 s."""
        silent.settimeout(40)
        wire.seconds_until_closed(silent, time.monotonic)
        waited = time.monotonic() - silent_since
        self.assertLess(waited, 30 + 20 * (PATIENCE - 1))

    def test_login_grace_is_not_short(self):
        with wire.connection(agent.port, timeout=5) as s:
            wire.ident(s)
            self.assertRaises(TimeoutError, wire.seconds_until_closed, s, time.monotonic)


if __name__ == "__main__":
    unittest.main()
