"""What rdev puts before the commands of an OpenPAI job, with commands behind it in the same shell: in bash, dash and busybox."""
import os
import re
import signal
import tempfile
import unittest
from pathlib import Path

from lab.client import agents, jobs, rdev, rdev_json, up
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import PLACE, eventually, processes, run
from lab.root import BUSYBOX

ROLE = """
protocolVersion: 2
type: job
prerequisites: [{type: dockerimage, name: image, uri: "lab/none:1"}]
taskRoles:
  main:
    instances: 1
    dockerImage: image
    resourcePerInstance: {gpu: 0, cpu: 1, memoryMB: 100}
    commands:
"""
why_of_the_fake = "the fake's tasks run in a shell that is made for the test"
PORT_LISTS = ("PAI_CONTAINER_HOST_rdev_PORT_LIST", "PAI_PORT_LIST_main_0_rdev")


class InBash(unittest.TestCase):
    shell = "bash"

    @classmethod
    def setUpClass(cls):
        cls.pai = OpenPai(shell=cls.shell)
        cls.addClassCleanup(cls.pai.stop)
        cls.addClassCleanup(rdev, "cluster", "remove", "pai", code=None)
        rdev("cluster", "add", "pai", "--url", cls.pai.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})

    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})
        eventually(lambda: not agents(), "no agent is left")

    def up(self, *commands, before=(), options=(), code=0):
        """Each line of `commands` and `before` is one of the job's own."""
        lines = [*before, "`#REMOTE_DEV_START`", "`#REMOTE_DEV_END`", *commands]
        template = Path(tempfile.mkdtemp()) / "job.yaml"
        template.write_text(ROLE + "".join(f"      - '{line}'\n" for line in (text.replace("'", "''") for text in lines)))
        return up(self, "job", "--cluster", "pai", "--template", template, *options, code=code)

    def says(self, pattern):
        """The match in the job's log, once it is there."""
        return eventually(lambda: re.search(pattern, rdev("logs", "job").text, re.MULTILINE), f"its log has {pattern}")

    def ended(self):
        eventually(lambda: rdev_json("status", "job")["state"] == "ended", "the job ends")
        return rdev_json("status", "job")["exit_code"]

    def running(self):
        """{pid: command line} of the job's shells."""
        return processes("/user.sh")

    def test_the_commands_have_no_child_to_wait_for(self):
        self.up("sleep 0.1 & wait", "echo have waited")
        self.says("^have waited")
        rdev("exec", "job", "--", "/bin/true")

    def test_the_commands_codes(self):
        for commands, code in ((("exit 3",), 3), (("false", "echo reached"), 1), (("( exit 4 ); echo reached",), 4),
                               (('echo "$NO_SUCH"', "echo reached"), None)):
            with self.subTest(commands):
                self.up(*commands)
                said = self.says(r"ended with code (\d+); the job stays")[1]
                self.assertIn(said, [str(code)] if code else ["1", "2", "127"])
                self.assertNotRegex(rdev("logs", "job").text, "^reached")
                rdev("exec", "job", "--", "/bin/true")
                rdev("down", "job")

    def test_exit_with_command(self):
        for commands, code in ((("sleep 1", "exit 7"), 7), (("sleep 1",), 0), (("sleep 1 & wait", "false"), 1)):
            with self.subTest(commands):
                self.up(*commands, options=("--exit-with-command",))
                self.assertEqual(self.ended(), code)
                eventually(lambda: not agents() and not self.running(), "it ends the agent, and nothing waits for that")
                rdev("down", "job")

    def test_an_agent_that_is_killed(self):
        self.up("true")
        os.kill(min(agents()), signal.SIGKILL)
        self.assertEqual(self.ended(), 137)
        eventually(lambda: not self.running(), "nothing waits for it")

    def test_sigterm_ends_the_agent_with_the_job(self):
        self.up("echo the last")
        self.says("^the last")
        shell = eventually(lambda: min(self.running(), default=None), "it runs")
        eventually(lambda: self.catches_sigterm(shell), "its trap is set")
        os.kill(shell, signal.SIGTERM)
        self.assertEqual(self.ended(), 143)
        eventually(lambda: not agents() and not self.running(), "the agent is gone too")

    def catches_sigterm(self, pid):
        caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]
        return int(caught, 16) >> (signal.SIGTERM - 1) & 1

    def test_the_commands_find_their_shell_as_it_was(self):
        show = 'echo "[$(ls /proc/self/fd | wc -l) $- $(umask) $#]" $(set | grep -o "^rdev_[a-z]*=")'
        self.up(show, "echo shown", before=[show])
        self.says("^shown")
        before, after = re.findall(r"^(\[.*\].*)$", rdev("logs", "job").text, re.MULTILINE)
        self.assertEqual(after, f"{before} rdev_fifo= rdev_pid=")

    def test_values_that_kubernetes_and_shells_read(self):
        value = "a$$b $(PAI_JOB_NAME) it's \"q\" `id` \\n $HOME"
        self.up('printf "<%s>\\n" "$ODD"', options=("--env", f"ODD={value}"))
        self.assertEqual(self.says("^<(.*)>")[1], value)
        self.assertEqual(rdev("exec", "job", "--", "/usr/bin/printenv", "ODD").text, value + "\n")

    def test_the_secret_is_seen_by_nobody(self):
        self.up("echo the commands", before=["set -x"])
        self.says(r"^\+ echo the commands")
        secrets = [re.search(r"^\s*echo '([\w+/=]{40,})' \| rdev_serve", path.read_text(), re.MULTILINE)[1].encode()
                   for path in PLACE.glob("pai-*/tasks/*/user.sh")]
        places = [rdev("logs", "job").text.encode()]
        for pid in processes():
            places += [(Path("/proc") / str(pid) / name).read_bytes() for name in ("cmdline", "environ")]
        self.assertTrue(secrets)
        self.assertFalse([place for place in places for secret in secrets if secret in place])

    def test_the_port_in_either_list(self):
        for kept in PORT_LISTS:
            with self.subTest(kept):
                self.up(before=[f"unset {name}" for name in PORT_LISTS if name != kept])
                rdev("exec", "job", "--", "/bin/true")
                rdev("down", "job")
        said = self.up(before=[f"unset {' '.join(PORT_LISTS)}"], code=1).errors
        self.assertIn("the cluster gave no port of the label rdev to this container", said)

    def test_a_port_that_is_taken(self):
        taker = Path(tempfile.mkdtemp()) / "taker.py"
        taker.write_text("import os, signal, socket\n"
                         f"taken = socket.create_server(('', int(os.environ['{PORT_LISTS[0]}'].split(',')[0])))\n"
                         "if os.fork() == 0:\n    signal.alarm(60)\n    signal.pause()\n")
        self.addCleanup(run, "pkill", "-f", taker, code=None)
        said = self.up(before=[f"/usr/bin/python3 {taker}"], code=1).errors
        self.assertRegex(said, r"cannot listen on the job's port \d+\nrdev: the agent did not start \(code 1\)")

    def test_another_kind_of_processor(self):
        said = self.up(before=["chmod() { return 1; }", "uname() { echo aarch64; }"], code=1).errors
        self.assertIn("this node is aarch64: rdev's agent is for x86_64 nodes", said)

    def test_the_agent_may_come_late_to_another_attempt(self):
        self.up('echo "attempt $FC_FRAMEWORK_ATTEMPT_ID"', options=("--attach-timeout", "3s"))
        self.says("^attempt 0")
        run("pkill", "-f", "rdev.internal", code=None)  # nobody brings it
        eventually(lambda: not processes("rdev internal"), "the link process is gone")
        key = next(key for key, state in self.pai.control("jobs").items() if state == "RUNNING")
        self.pai.control("lose_node", job=key)
        eventually(lambda: [path for path in PLACE.glob("pai-*/tasks/*/log") if "attempt 1" in path.read_text()],
                   "the commands go on without it", timeout=20)
        eventually(lambda: rdev("exec", "job", "--", "/bin/true", code=None).code == 0, "it comes", timeout=30)
        self.assertEqual(rdev_json("status", "job")["state"], "running")


class InDash(InBash):
    shell = "dash"


class InBusybox(InBash):
    shell = f"{BUSYBOX} sh"


if __name__ == "__main__":
    unittest.main()
