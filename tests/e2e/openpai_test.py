"""Jobs of an OpenPAI cluster, with the fake of its server (tests/fakes/openpai), whose tasks run as processes here, or with
a real one (lab/pai.py)."""
import os
import shutil
import signal
import socket
import tempfile
import unittest
from pathlib import Path

from lab.client import RDEV_HOME, agents, jobs, rdev, rdev_json, ssh, start, up
from lab.link import forward
from lab.openpai import PASSWORDS, REAL, OpenPai, for_module, of_the_fake
from lab.proc import eventually, program, run
from lab.root import BUSYBOX


def setUpModule():
    global pai
    rdev("ssh-config", "--install")
    pai = for_module()


def add(name, *argv, user="alice", password=None, **how):
    return rdev("cluster", "add", name, "--url", pai.url, "--user", user, *argv,
                env={"RDEV_PASSWORD": password or PASSWORDS[user]}, **how)


class OnPai(unittest.TestCase):
    def setUp(self):
        if not REAL:
            self.addCleanup(pai.control, "capacity", gpus=4)
            self.addCleanup(pai.control, "requests")

    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})
        eventually(lambda: not agents(), "no agent is left")
        eventually(lambda: not {"WAITING", "RUNNING"} & set(self.states().values()), "no job is left")

    def up(self, name, *argv, **how):
        return up(self, name, "--cluster", "pai", *pai.options, *argv, **how)

    def states(self):
        """{job: state} as the server has it."""
        return pai.states()

    def states_of(self, name):
        return {state for key, state in self.states().items() if f"~rdev-{name}-" in key}


class Life(OnPai):
    def test_up_ssh_tunnel_logs_extend_down(self):
        said = self.up("first", "--setup", "echo set up", "--env", "GREETING=it's $$me", "--",
                       "sh", "-c", 'echo "hello, $GREETING"; sleep 1000')
        self.assertIn("first is up on pai", said.text)
        self.assertRegex(said.errors, r"(?s)submitting .* waiting for the agent .* making the link ")
        self.assertEqual(ssh("first", "echo $PAI_TASK_INDEX $GREETING").text, "0 it's $$me\n")
        eventually(lambda: "set up\n" in rdev("logs", "first").text and "hello, it's $$me\n" in rdev("logs", "first").text,
                   "the log has both")
        row = rdev_json("status", "first")
        self.assertEqual((row["state"], row["cluster"]), ("running", "pai"))
        self.assertRegex(rdev("extend", "first", "2h").text, "6h|7h")
        rdev("exec", "first", "--", "sh", "-c", "echo over the link >$PAI_WORK_DIR/file")
        self.assertEqual(rdev("exec", "first", "--", "sh", "-c", "cat $PAI_WORK_DIR/file").text, "over the link\n")
        self.tunnel_to_the_agent("first", row["endpoints"][0].rsplit(":", 1)[1])
        rdev("down", "first")
        eventually(lambda: self.states_of("first") in ({"STOPPING"}, {"STOPPED"}), "it is stopped")

    def tunnel_to_the_agent(self, name, port):
        """What listens in every job."""
        (tunnel,) = forward(name, "-L", f"0:127.0.0.1:{port}")
        with socket.create_connection(("127.0.0.1", tunnel["bound_port"]), timeout=20) as s:
            self.assertEqual(s.recv(8, socket.MSG_WAITALL), b"SSH-2.0-")

    @of_the_fake("only the fake tells what it was asked")
    def test_the_list_is_not_polled(self):
        pai.control("delays", created=0.5, preparing=1.5)
        self.addCleanup(pai.control, "delays", created=0.1, preparing=0.2)
        pai.control("requests")
        self.up("polling")
        asked = pai.control("requests")
        self.assertEqual(asked.count(["GET", "/rest-server/api/v2/jobs"]), 1)  # is one of that name there already?
        polls = sum("~rdev-polling-" in path and path.count("/") == 5 for _, path in asked)
        self.assertLess(polls, 8, asked)

    def test_the_commands_end_and_the_job_stays(self):
        self.up("stays", "--", "sh", "-c", "exit 3")
        eventually(lambda: "ended with code 3; the job stays" in rdev("logs", "stays").text, "the log says so")
        self.assertEqual(ssh("stays", "echo still here").text, "still here\n")

    def test_exit_with_command_keeps_its_code(self):
        self.up("goes", "--exit-with-command", "--", "sh", "-c", "sleep 1; exit 3")
        eventually(lambda: rdev_json("status", "goes")["state"] == "ended", "it ends")
        row = rdev_json("status", "goes")
        self.assertEqual(row["exit_code"], 3)
        self.assertIn("exit code 3", row["reason"])
        self.assertIn("listening", rdev("logs", "goes").text)  # the platform keeps it

    def test_the_lifetime_ends_the_job(self):
        self.up("short", "--ttl", "60s" if REAL else "3s")
        eventually(lambda: rdev_json("status", "short")["state"] == "ended", "its time is over")
        self.assertEqual(rdev_json("status", "short")["exit_code"], 0)

    @of_the_fake("the fake loses a node when it is told to")
    def test_a_retried_attempt_is_served_again(self):
        self.up("lost")
        before = ssh("lost", "echo $FC_POD_UID").text
        name = next(key for key, state in self.states().items() if "~rdev-lost-" in key and state == "RUNNING")
        pai.control("lose_node", job=name)
        eventually(lambda: ssh("lost", "echo $FC_POD_UID", code=None).text.strip() not in ("", before.strip()),
                   "it answers from another pod", timeout=40)
        self.assertIn("FC_FRAMEWORK_ATTEMPT_ID=1", ssh("lost", "env").text)

    @of_the_fake("the fake loses a node when it is told to")
    def test_a_retried_attempt_gets_the_agent_that_it_was_made_with(self):
        """rdev was upgraded meanwhile."""
        old = Path(tempfile.mkdtemp()) / "old"
        shutil.copytree(Path(program("rdev")).parent, old)
        with open(old / "rdev-agent", "ab") as agent:
            agent.write(b"another build")
        self.addCleanup(rdev, "down", "older", code=None)
        run(old / "rdev", "up", "older", "--cluster", "pai", *pai.options)
        os.kill(rdev_json("status", "older")["link_pid"], signal.SIGKILL)  # the next one is of the new rdev
        (old / "rdev-agent").unlink()
        before = rdev("exec", "older", "--", "sh", "-c", "echo $FC_POD_UID").text
        name = next(key for key, state in self.states().items() if "~rdev-older-" in key and state == "RUNNING")
        pai.control("lose_node", job=name)
        eventually(lambda: rdev("exec", "older", "--", "sh", "-c", "echo $FC_POD_UID", code=None).text not in ("", before),
                   "it answers from another pod", timeout=40)
        (pid,) = agents()
        self.assertTrue(Path(f"/proc/{pid}/exe").read_bytes().endswith(b"another build"))

    def test_it_is_taken_over_when_the_state_is_lost(self):
        self.up("taken")
        rdev("exec", "taken", "--", "true")
        for record in (RDEV_HOME / "state/jobs").iterdir():
            run("pkill", "-f", "rdev.internal", code=None)
            shutil.rmtree(record)
        self.assertIn("taken over", self.up("taken").text)
        self.assertEqual(ssh("taken", "echo mine").text, "mine\n")


@of_the_fake("the fake is told which shell runs its tasks")
class Shells(unittest.TestCase):
    """What stands between the marks, in each shell that may run it."""

    def works_in(self, shell):
        server = OpenPai(shell=shell)
        self.addCleanup(server.stop)
        rdev("cluster", "add", "shell", "--url", server.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        self.addCleanup(rdev, "cluster", "remove", "shell")
        up(self, "shell", "--cluster", "shell", "--", "sh", "-c", "echo commands; exit 4")
        self.assertEqual(ssh("shell", "echo here").text, "here\n")
        eventually(lambda: "ended with code 4; the job stays" in rdev("logs", "shell").text, "the trap holds")
        rdev("down", "shell")
        up(self, "shell", "--cluster", "shell", "--exit-with-command", "--", "sh", "-c", "sleep 1; exit 4")
        eventually(lambda: rdev_json("status", "shell")["exit_code"] == 4, "its code is the job's")

    def test_dash(self):
        self.works_in("dash")

    def test_busybox(self):
        self.works_in(f"{BUSYBOX} sh")


class Refusals(OnPai):
    def refused(self, *argv, code=1):
        said = rdev("up", "bad", "--cluster", "pai", *pai.options, *argv, code=code).errors
        self.assertEqual(jobs(), {})
        return said

    def test_a_job_that_fails_to_start(self):
        said = self.refused("--setup", "echo last words; exit 7")
        self.assertIn("exit code 7", said)
        self.assertIn("last words", said)

    def test_what_the_platform_does_not_allow(self):
        said = self.refused("--vc", "nope")
        self.assertIn(f"{pai.user} may not use the virtual cluster nope", said)
        self.assertIn("--vc", said)
        self.assertIn("--storage", self.refused("--storage", "nope"))

    def test_what_openpai_cannot_do(self):
        for option in (("--user", "me"), ("--mount", "/a:/b"), ("--gpus", "all"), ("--publish", "127.0.0.1"),
                       ("--env", "a b=c"), ("--priority", "urgent")):
            self.refused(*option, code=2)
        self.assertIn("for OpenPAI", rdev("up", "bad", "--vc", "x", code=2).errors)

    def test_a_broken_template_has_line_and_column(self):
        path = Path(tempfile.mkdtemp()) / "job.yaml"
        path.write_text("protocolVersion: 2\ntype: job\ntaskRoles:\n  main:\n    instances: two\n")
        said = self.refused("--template", path, code=2)
        self.assertRegex(said, r"job.yaml:5:16: taskRoles.main.instances: ")

    @of_the_fake("the fake revokes tokens when it is told to")
    def test_an_expired_token(self):
        pai.control("revoke")
        said = self.refused()
        self.assertIn("rdev cluster login pai", said)
        rdev("cluster", "login", "pai", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        self.up("again")

    @of_the_fake("the fake revokes tokens when it is told to")
    def test_a_token_that_expires_under_a_running_job(self):
        """Its link process asks with the one of the next login."""
        self.up("outlives")
        ssh("outlives", "true")
        pai.control("revoke")
        self.addCleanup(rdev, "cluster", "login", "pai", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        key = next(key for key, state in self.states().items() if "~rdev-outlives-" in key and state == "RUNNING")
        pai.control("lose_node", job=key)
        eventually(lambda: "rdev cluster login pai" in rdev("status", "outlives").text, "what to do is told")
        self.assertIn("rdev cluster login pai", rdev("exec", "outlives", "--", "true", code=255).errors)
        rdev("cluster", "login", "pai", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        eventually(lambda: ssh("outlives", "echo back", code=None).text == "back\n", "it is back", timeout=30)

    @of_the_fake("the fake fails, hangs up or is slow when it is told to")
    def test_a_server_that_stumbles(self):
        pai.control("fault", kind="status", status=502, body="<html>bad gateway</html>", path="~rdev-stumbles", count=2)
        pai.control("fault", kind="cut", path="~rdev-stumbles", count=1)
        pai.control("fault", kind="status", status=429, body="Too many requests", headers={"Retry-After": "1"},
                    path="~rdev-stumbles", count=1)
        self.up("stumbles")
        self.assertEqual(ssh("stumbles", "echo here").text, "here\n")

    @of_the_fake("the fake fails, hangs up or is slow when it is told to")
    def test_a_submission_that_may_have_arrived_is_not_repeated(self):
        pai.control("fault", kind="cut", method="POST", path="/api/v2/jobs$", count=1)
        said = self.refused()
        self.assertIn("cannot reach", said)
        sent = [row for row in pai.control("requests") if row[0] == "POST" and row[1].endswith("/jobs")]
        self.assertEqual(len(sent), 1)


class Interrupted(OnPai):
    def interrupted(self, stage, name, *argv):
        process = start("up", name, "--cluster", "pai", *argv)
        self.addCleanup(process.kill)
        stage(process)
        process.popen.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130, process.output)
        self.assertEqual(jobs(), {})
        eventually(lambda: not {"WAITING", "RUNNING", "STOPPING"} & set(self.states().values()), "the job is stopped")

    def job_is(self, name, state):
        """Waits until the job is in this state."""
        return lambda process: eventually(lambda: state in self.states_of(name), f"it is {state}")

    @of_the_fake("the fake's GPUs are taken when it is told so")
    def test_while_it_waits_for_a_node(self):
        pai.control("capacity", gpus=0)
        self.interrupted(self.job_is("queued", "WAITING"), "queued", "--gpus", "1")

    @of_the_fake("the fake fails, hangs up or is slow when it is told to")
    def test_while_it_is_submitted(self):
        pai.control("fault", kind="slow", seconds=2, method="POST", path="/api/v2/jobs$", count=1)

        def submitting(process):
            eventually(lambda: ["POST", "/rest-server/api/v2/jobs"] in pai.control("requests"), "it is being sent")
        self.interrupted(submitting, "sent")

    def test_while_the_agent_is_awaited(self):
        self.interrupted(self.job_is("awaited", "RUNNING"), "awaited", *pai.options, "--setup", "sleep 100")

    @of_the_fake("the fake fails, hangs up or is slow when it is told to")
    def test_and_the_server_is_away(self):
        pai.control("capacity", gpus=0)
        process = start("up", "away", "--cluster", "pai", "--gpus", "1")
        self.addCleanup(process.kill)
        self.job_is("away", "WAITING")(process)
        pai.control("fault", kind="status", status=500, method="PUT", path="executionType", count=9)
        process.popen.send_signal(signal.SIGINT)
        process.wait()
        self.assertIn("could not be removed yet", process.output)
        pai.control("clear")
        rdev("ls")  # the next rdev finishes it
        eventually(lambda: not {"WAITING"} & set(self.states().values()), "the job is stopped")


@of_the_fake("the fake's users, passwords and virtual clusters are known, and it says of itself what it is told to")
class Clusters(unittest.TestCase):
    def test_add_list_show_select_remove(self):
        said = add("mine", "--vc", "vc1").text
        self.assertRegex(said, r"mine is http://\S+/rest-server \(OpenPAI v1.8.1\); you are alice")
        rows = {row["name"]: row for row in rdev_json("cluster", "list")}
        self.assertEqual(rows["mine"]["virtual_cluster"], "vc1")
        self.assertTrue(rows["local"]["selected"])
        shown = rdev_json("cluster", "show", "mine")
        self.assertEqual([one["name"] for one in shown["virtual_clusters"]], ["default", "vc1"])
        self.assertEqual(shown["storages"], ["nfs-data"])
        self.assertIn("nfs-data", rdev("cluster", "show", "mine").text)
        rdev("cluster", "select", "mine")
        self.assertTrue({row["name"]: row for row in rdev_json("cluster", "list")}["mine"]["selected"])
        rdev("cluster", "remove", "mine")
        rows = {row["name"]: row for row in rdev_json("cluster", "list")}
        self.assertNotIn("mine", rows)
        self.assertTrue(rows["local"]["selected"])

    def test_the_password_is_not_kept_and_the_token_is_private(self):
        add("private")
        self.addCleanup(rdev, "cluster", "remove", "private")
        token = RDEV_HOME / "state/tokens/private"
        self.assertEqual(token.stat().st_mode & 0o777, 0o600)
        for path in RDEV_HOME.rglob("*"):
            if path.is_file():
                self.assertNotIn(PASSWORDS["alice"].encode(), path.read_bytes(), path)
                if path.name not in ("private", "pai"):
                    self.assertNotIn(token.read_text().strip(), path.read_text(errors="replace"), path)

    def test_ways_in(self):
        self.addCleanup(rdev, "cluster", "remove", "ways", code=None)
        token = (RDEV_HOME / "state/tokens/pai").read_text()
        by_stdin = rdev("cluster", "add", "ways", "--url", pai.url, "--token-stdin", input=token)
        self.assertIn("you are alice", by_stdin.text)
        rdev("cluster", "login", "ways", "--user", "alice", "--password-stdin", input="alice-password\n")
        said = rdev("cluster", "login", "ways", code=2).errors
        self.assertIn("there is no terminal to ask at", said)
        other = rdev("cluster", "add", "ways", "--url", pai.url, "--user", "bob", "--token-stdin", code=2, input=token)
        self.assertIn("that token is alice's", other.errors)

    def test_what_is_wrong_is_said(self):
        cases = [
            (dict(user="nobody", password="something"), "nobody"),
            (dict(user="alice", password="not this"), "assword"),
        ]
        for how, part in cases:
            said = add("wrong", code=1, **how).errors
            self.assertIn(part, said)
            self.assertIn("rdev cluster add wrong", said)  # there is no such cluster yet to log in to
        for url, code, part in (("http://127.0.0.1:1", 1, "cannot reach"), ("pai.example.com", 2, "no address"),
                                ("http://alice:pw@x", 2, "not taken")):
            said = rdev("cluster", "add", "wrong", "--url", url, "--user", "alice", code=code,
                        env={"RDEV_PASSWORD": "secret-word"}).errors
            self.assertIn(part, said)
            self.assertNotIn("secret-word", said)
        self.assertIn("built in", add("docker", code=2).errors)
        self.assertIn("there is no cluster 'paii', did you mean 'pai'?", rdev("cluster", "show", "paii", code=2).errors)
        self.assertFalse((RDEV_HOME / "config/clusters/wrong.yaml").exists())
        self.assertFalse((RDEV_HOME / "state/tokens/wrong").exists())

    def test_servers_that_will_not_do(self):
        for change, part in ((dict(version="v0.16.2"), "0.17 or later"), (dict(launcherType="yarn"), "YARN"),
                             (dict(name="something"), "OpenPAI")):
            pai.control("info", **change)
            said = add("old", code=None).errors
            pai.control("info", name="PAI RESTful API", version="v1.8.1", launcherType="k8s")
            self.assertIn(part, said)

    def test_oidc_takes_a_token(self):
        pai.control("auth", method="OIDC")
        self.addCleanup(pai.control, "auth", method="basic")
        self.assertIn("--token-stdin", add("oidc", code=2).errors)
        self.addCleanup(rdev, "cluster", "remove", "oidc")
        add("oidc", "--token-stdin", input=(RDEV_HOME / "state/tokens/pai").read_text())

    def test_one_with_jobs_stays(self):
        up(self, "here", "--cluster", "pai")
        self.assertIn("here", rdev("cluster", "remove", "pai", code=1).errors)
        rdev("down", "here")


class Preview(unittest.TestCase):
    def test_it_shows_all_but_secrets(self):
        text = rdev("up", "shown", "--cluster", "pai", "--preview", "--gpus", "2", "--memory", "3g", "--vc", "vc1", "--sku", "K80",
                    "--priority", "prod", "--storage", "nfs-data", "--instances", "2", "--", "python", "a b.py").text
        for part in ("gpu: 2", "memoryMB: 3072", "virtualCluster: vc1", "skuType: K80", "jobPriorityClass: prod",
                     "name: nfs-data", "instances: 2", "'python' 'a b.py'", 'rdev_agent: "******"'):
            self.assertIn(part, text)
        self.assertLess(len(text), 8000)
        self.assertEqual(jobs(), {})
        self.assertIn("OpenPAI", rdev("up", "x", "--cluster", "local", "--preview", code=2).errors)


if __name__ == "__main__":
    unittest.main()
