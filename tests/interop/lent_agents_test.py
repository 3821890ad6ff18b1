"""Agent forwarding: `ssh -A` with a real ssh-agent, the behaviour of OpenSSH against stock sshd as well."""
import os
import signal
import subprocess
import unittest
from pathlib import Path

from lab.agent import Agent
from lab.front import without_front
from lab.exchange import connect, new_path
from lab.proc import eventually, needs_tool, run
from lab.ssh import control_path
from lab.ssh_agent import SshAgent
from lab.sshd import Sshd


def setUpModule():
    global agent, sshd
    agent = Agent()
    unittest.addModuleCleanup(agent.end)
    unittest.addModuleCleanup(agent.stop)  # it removes its sockets
    sshd = Sshd()
    unittest.addModuleCleanup(sshd.stop)


class Peers:
    """What holds for both servers."""

    def test_agent_forwarding(self):
        lent = SshAgent(self)
        out = self.target().ssh("ssh-add -l; stat -c %a $SSH_AUTH_SOCK; stat -c %a $(dirname $SSH_AUTH_SOCK)",
                                options=lent.options).text
        fingerprint, socket_mode, directory_mode = out.strip().splitlines()
        self.assertEqual(fingerprint.split()[1], lent.fingerprint)
        self.assertEqual(directory_mode, "700")
        self.assertIn(socket_mode, ("600", "755"))  # sshd leaves it to the directory
        self.assertEqual(self.target().ssh("ssh-add -l", options=lent.options[1:], code=None).code, 2)

    def test_sessions_that_share_a_connection_share_the_agent(self):
        lent, control = SshAgent(self), control_path()
        options = [*lent.options, "-o", f"ControlPath={control}"]
        master = self.target().start("echo up; exec cat", options=[*options, "-M"], stdin=subprocess.PIPE)
        self.addCleanup(master.kill)
        master.wait_for("up")
        # This one asks for nothing itself: what its connection has been lent is its own too.
        out = self.target().ssh("ssh-add -l", options=["-a", "-o", f"ControlPath={control}"]).text
        self.assertIn(lent.fingerprint, out)

    def test_a_second_hop_signs_with_the_agent(self):
        far = Sshd()
        self.addCleanup(far.stop)
        lent = SshAgent(self, key=far.target.key)
        hop = (f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o IdentityFile=none -p {far.target.port} "
               f"-o UserKnownHostsFile={far.target.known_hosts} root@127.0.0.1 'echo arrived'")
        self.assertEqual(self.target().ssh(hop, options=lent.options).text, "arrived\n")
        self.assertNotEqual(self.target().ssh(hop, options=lent.options[1:], code=None).code, 0)


class WithAgent(Peers, unittest.TestCase):
    def target(self):
        return agent.target


@without_front
class WithSshd(Peers, unittest.TestCase):
    def target(self):
        return sshd.target


class LentAgents(unittest.TestCase):
    """Whose agent a job's user gets."""

    def lend(self, lent, user="rdev"):
        ssh = agent.target.variant(user=user).start("echo sock=$SSH_AUTH_SOCK; exec cat", options=lent.options,
                                                    stdin=subprocess.PIPE)
        self.addCleanup(ssh.kill)
        return ssh, ssh.wait_for(r"^sock=(\S+)$")[1]

    def listed(self, path):
        done = run("ssh-add", "-l", env={"SSH_AUTH_SOCK": path}, code=None)
        return done.text.split()[1] if done.code == 0 else None

    def test_the_newest_living_connection_has_the_socket(self):
        first, second = SshAgent(self), SshAgent(self)
        one, path = self.lend(first)
        self.assertEqual(self.listed(path), first.fingerprint)
        two, again = self.lend(second)
        self.assertEqual(again, path)
        self.assertEqual(self.listed(path), second.fingerprint)
        two.kill()
        eventually(lambda: self.listed(path) == first.fingerprint, "the first has it again")
        one.kill()
        eventually(lambda: self.listed(path) is None, "nobody has it")
        with connect(path) as s:
            self.assertEqual(s.recv(1), b"")
        _, again = self.lend(second)
        self.assertEqual(again, path)
        self.assertEqual(self.listed(path), second.fingerprint)

    def test_an_agent_that_died_gives_way_to_an_older_one(self):
        first, second = SshAgent(self), SshAgent(self)
        _, path = self.lend(first)
        self.lend(second)
        second.process.kill()
        self.assertEqual(self.listed(path), first.fingerprint)

    def test_a_laptop_that_sleeps_gives_way_until_it_wakes(self):
        first, second = SshAgent(self), SshAgent(self)
        _, path = self.lend(first)
        two, _ = self.lend(second)
        two.signal(signal.SIGSTOP)
        self.assertEqual(self.listed(path), first.fingerprint)
        two.signal(signal.SIGCONT)
        self.assertEqual(self.listed(path), second.fingerprint)

    def test_a_shell_in_tmux_has_an_agent_again(self):
        needs_tool("tmux")
        lent = SshAgent(self)
        tmux = f"tmux -S {new_path('t')}"
        self.addCleanup(run, *tmux.split(), "kill-server", code=None)
        agent.target.ssh(f"{tmux} -f /dev/null new-session -d", options=lent.options)
        out = new_path("out")
        line = f"ssh-add -l >{out}.new 2>&1; mv {out}.new {out}"

        def ask():
            run(*tmux.split(), "send-keys", line, "Enter")
            eventually(lambda: os.path.exists(out), "the shell in tmux has answered")
            text = Path(out).read_text()
            os.unlink(out)
            return text

        self.assertNotIn(lent.fingerprint, ask())
        self.lend(lent)
        self.assertIn(lent.fingerprint, ask())

    def test_nothing_is_left_when_the_agent_ends(self):
        ending = Agent()
        self.addCleanup(ending.end)
        out = ending.target.ssh("echo $SSH_AUTH_SOCK", options=SshAgent(self).options).text
        path = Path(out.strip())
        self.assertTrue(path.is_socket())
        ending.stop()
        self.assertFalse(path.parent.exists())

    def test_another_user_has_a_socket_of_their_own(self):
        lent = SshAgent(self)
        _, roots = self.lend(lent)
        _, labs = self.lend(lent, user="lab")
        self.assertNotEqual(roots, labs)
        out = agent.target.variant(user="lab").ssh("stat -c '%U %a' $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); ssh-add -l",
                                                   options=lent.options).text
        self.assertEqual(out.splitlines()[:2], ["lab 600", "lab 700"])
        self.assertIn(lent.fingerprint, out)


if __name__ == "__main__":
    unittest.main()
