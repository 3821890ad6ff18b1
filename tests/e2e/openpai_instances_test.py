"""Jobs of several instances on OpenPAI: NAME.RANK wherever a command takes NAME."""
import os
import signal
import unittest

from lab.client import RDEV_HOME, agents, jobs, rdev, rdev_json, ssh, start, up
from lab.openpai import for_module, of_the_fake
from lab.proc import eventually, processes, program, run
from lab.terminal import Terminal


def setUpModule():
    global pai
    rdev("ssh-config", "--install")
    pai = for_module()


def links():
    """The names of the instances that have a link process here."""
    found = run("pgrep", "-af", "link-process", code=None).text.splitlines()
    return sorted(line.split()[-1] for line in found if "link-process" in line)


class OnPai(unittest.TestCase):
    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})
        self.assertEqual(list((RDEV_HOME / "state/ssh.d").glob("*")), [])
        eventually(lambda: not agents(), "no agent is left")
        eventually(lambda: not links(), "no link process is left")

    def up(self, name, *argv, **how):
        return up(self, name, "--cluster", "pai", "--instances", "4", *pai.options, *argv, **how)


class Names(OnPai):
    def test_each_has_its_name(self):
        said = self.up("four")
        self.assertIn("rdev-four.0 to rdev-four.3", said.text)
        self.assertEqual(links(), ["four", "four.1", "four.2", "four.3"])
        for rank, host in enumerate(["four", "four.1", "four.2", "four.3"]):
            self.assertEqual(ssh(host, "echo $PAI_TASK_INDEX").text, f"{rank}\n")
            self.assertEqual(rdev("exec", host, "--", "sh", "-c", "echo $NODE_RANK/$WORLD_SIZE").text, f"{rank}/4\n")
        self.assertEqual(ssh("four.0", "echo $PAI_TASK_INDEX").text, "0\n")
        self.assertEqual(rdev("exec", "four.0", "--", "sh", "-c", "echo $PAI_TASK_INDEX").text, "0\n")
        self.assertEqual(len({ssh(f"four.{rank}", "echo $MASTER_ADDR:$MASTER_PORT").text for rank in range(4)}), 1)
        self.assertRegex(ssh("four.3", "echo $MASTER_ADDR:$MASTER_PORT").text, r"^[0-9.]+:[0-9]+\n$")
        keys = {rdev_json("status", f"four.{rank}")["host_public_key"] for rank in range(4)}
        self.assertEqual(len(keys), 4)

    def test_status_is_a_table_by_rank(self):
        self.up("table")
        rdev("exec", "table.2", "--", "true")
        row = rdev_json("status", "table")
        self.assertEqual([one["name"] for one in row["instances"]], ["table", "table.1", "table.2", "table.3"])
        self.assertEqual({one["state"] for one in row["instances"]}, {"running"})
        self.assertEqual(row["instances"][2]["link_state"], "up")
        self.assertEqual(len({one["endpoints"][0] for one in row["instances"]}), 4)
        text = rdev("status", "table").text
        self.assertRegex(text, r"(?m)^RANK +STATE")
        self.assertRegex(text, r"(?m)^2 +running +- +up .* rdev-table\.2$")
        self.assertEqual(rdev_json("status", "table.2")["instances"], [])

    def test_tunnels_logs_extend(self):
        self.up("more", "--", "sh", "-c", "echo I am $NODE_RANK; sleep 1000")
        eventually(lambda: "I am 3\n" in rdev("logs", "more.3").text, "its own log")
        self.assertNotIn("I am 0\n", rdev("logs", "more.3").text)
        self.assertRegex(rdev("extend", "more", "2h").text, "6h|7h")
        for rank in range(4):
            eventually(lambda rank=rank: rdev_json("status", f"more.{rank}")["heartbeat"]["remaining_s"] > 6 * 3600, "all live longer")
        self.assertIn("write more", rdev("extend", "more.1", "1h", code=2).errors)
        self.assertIn("write more", rdev("down", "more.1", code=2).errors)
        rdev("forward", "more.1", "-L", "0:127.0.0.1:1")
        self.assertEqual(rdev_json("status", "more.1")["tunnels"], 1)
        self.assertEqual(rdev_json("status", "more.0")["tunnels"], 0)

    def test_other_ways_in(self):
        self.up("ways")
        for way in ("--raw", "--direct"):
            command = f"ProxyCommand={program('rdev')} proxy {way} ways.2"
            self.assertEqual(ssh("ways.2", "echo $NODE_RANK", options=("-o", command)).text, "2\n")
        where = rdev_json("connect", "ways.2", "--detach")
        self.assertEqual(where["host_key_alias"], "rdev-ways.2")
        done = run("ssh", "-F", "none", "-p", where["port"], "-i", where["identity_file"], "-o", f"UserKnownHostsFile={where['known_hosts_file']}",
                   "-o", "HostKeyAlias=rdev-ways.2", f"{where['user']}@{where['host']}", "echo $NODE_RANK")
        self.assertEqual(done.text, "2\n")
        self.assertIn("NODE_RANK", rdev("env", "diff", "ways.3", code=None).text + rdev("ssh", "ways.3", "--", "env").text)
        self.assertIn("\nHost rdev-ways.3\n", rdev("ssh-config", "--print").text)
        entry = RDEV_HOME / "state/ssh.d/ways.conf"
        self.assertEqual(run("ssh", "-F", entry, "rdev-ways.1", "echo $NODE_RANK").text, "1\n")

    def test_names_that_are_none(self):
        up(self, "single", "--cluster", "pai", *pai.options)
        self.assertIn("it has one only", rdev("exec", "single.1", "--", "true", code=255).errors)
        self.assertIn("there is no job called nobody", rdev("exec", "nobody.1", "--", "true", code=255).errors)
        for name in ("single.x", "single.01", "single.", "single.1.2", "single.-1", "single.4000"):
            self.assertIn("NAME.RANK", rdev("exec", name, "--", "true", code=2).errors, name)


class All(OnPai):
    def test_exec_all(self):
        self.up("all")
        done = rdev("exec", "--all", "all", "--", "sh", "-c", "echo out $PAI_TASK_INDEX; echo err >&2; exit $PAI_TASK_INDEX", code=3)
        self.assertEqual(sorted(done.text.splitlines()), [f"{rank}: out {rank}" for rank in range(4)])
        self.assertEqual(sorted(done.errors.splitlines()), [f"{rank}: err" for rank in range(4)])
        self.assertEqual(rdev("exec", "--all", "all", "--", "cat").text, "")  # without input
        done = rdev("exec", "--all", "all", "--", "printf", "a\\n\\nhalf")
        self.assertEqual(sorted(done.text.splitlines()), sorted(f"{r}: {line}" for r in range(4) for line in ("a", "", "half")))
        self.assertEqual(rdev("exec", "--all", "all", "--", "no-such-program", code=127).text, "")
        self.assertIn("--all has no one terminal", rdev("exec", "--all", "-t", "all", "--", "true", code=2).errors)
        self.assertIn("write all", rdev("exec", "--all", "all.1", "--", "true", code=2).errors)

    def test_much_output_stays_in_lines(self):
        self.up("much")
        done = rdev("exec", "--all", "much", "--", "sh", "-c", "seq 1 30000 | sed s/^/$PAI_TASK_INDEX-/")
        lines = done.text.splitlines()
        self.assertEqual(len(lines), 4 * 30000)
        for rank in range(4):
            own = [line for line in lines if line.startswith(f"{rank}: ")]
            self.assertEqual(own, [f"{rank}: {rank}-{i}" for i in range(1, 30001)])

    def test_signals_reach_all(self):
        self.up("signals")
        process = start("exec", "--all", "signals", "--", "bash", "-c",
                        "trap 'echo got it; exit 5' TERM; echo ready; sleep 1000 & wait; kill $!")
        eventually(lambda: process.output.count("ready") == 4, "all run")
        self.assertEqual(jobs()["signals"]["instances"], 4)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 5)
        self.assertEqual(process.output.count("got it"), 4)

    def test_a_reader_that_has_gone_ends_it(self):
        self.up("endless")
        done = run("sh", "-c", f"{{ {program('rdev')} exec --all endless -- yes; echo code $? >&2; }} | head -n 3")
        self.assertEqual(len(done.text.splitlines()), 3)
        self.assertEqual(done.errors, "code 141\n")
        eventually(lambda: not processes("yes\0"), "the commands have ended, too")

    def test_nothing_is_waited_for_once_all_run(self):
        self.up("quiet")
        with Terminal(program("rdev"), "exec", "--all", "quiet", "--", "sleep", "2") as terminal:
            self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.seen, "")  # after a second there would be a line on what is waited for

    @of_the_fake("it looks at processes that run here")
    def test_a_job_that_ends_meanwhile(self):
        self.up("over")
        process = start("exec", "--all", "over", "--", "sh", "-c", "echo ready; sleep 1000")
        eventually(lambda: process.output.count("ready") == 4, "all run")
        os.kill(next(iter(agents())), signal.SIGKILL)  # one that fails ends them all
        self.assertEqual(process.wait(40), 255)
        self.assertEqual(len([line for line in process.output.splitlines() if ": rdev: " in line]), 4, process.output)


class Lives(OnPai):
    @of_the_fake("the fake loses a node when it is told to")
    def test_a_retried_attempt_comes_back(self):
        self.up("retried")
        before = [ssh(f"retried.{rank}", "echo $FC_POD_UID").text for rank in range(4)]
        name = next(key for key, state in pai.control("jobs").items() if "~rdev-retried-" in key and state == "RUNNING")
        pai.control("lose_node", job=name)
        for rank in range(4):
            eventually(lambda rank=rank: ssh(f"retried.{rank}", "echo $FC_POD_UID", code=None).text not in ("", before[rank]),
                       f"{rank} answers from another pod", timeout=60)

    def test_they_are_taken_over(self):
        self.up("taken")
        ssh("taken.3", "true")
        run("pkill", "-f", "rdev.internal|link-process", code=None)
        for path in sorted((RDEV_HOME / "state").rglob("*"), reverse=True):
            if path.parent.name in ("jobs", "ssh.d") or "jobs" in path.parts:
                path.rmdir() if path.is_dir() else path.unlink()
        self.assertEqual(ssh("taken.3", "true", code=255).code, 255)
        self.assertIn("taken over", self.up("taken").text)
        self.assertEqual(ssh("taken.3", "echo $PAI_TASK_INDEX").text, "3\n")

    def test_one_that_fails_ends_the_job_and_its_log_is_shown(self):
        said = self.up("fails", "--setup", "[ $PAI_TASK_INDEX != 2 ] || { echo rank two is broken; exit 9; }", code=1)
        self.assertIn("rank two is broken", said.errors)
        self.assertEqual(list((RDEV_HOME / "state/jobs").glob("*")), [])

    @of_the_fake("the fake tells what it was asked")
    def test_the_server_is_asked_once_for_all(self):
        pai.control("requests")
        self.up("polls", "--setup", "sleep 3")
        polls = [path for _, path in pai.control("requests") if "~rdev-polls-" in path and path.count("/") == 5]
        self.assertLess(len(polls), 10, polls)

    @of_the_fake("it looks at processes that run here")
    def test_an_interrupted_up_leaves_nothing(self):
        process = start("up", "cut", "--cluster", "pai", "--instances", "4", "--setup", "[ $PAI_TASK_INDEX != 3 ] || sleep 1000")
        eventually(lambda: len(agents()) == 3, "three of them are up")
        process.popen.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 130)
        self.assertEqual(list((RDEV_HOME / "state/jobs").glob("*")), [])


if __name__ == "__main__":
    unittest.main()
