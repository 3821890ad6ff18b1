"""`rdev job …`: any job of an OpenPAI cluster, with the fake of its server or with a real one (lab/pai.py)."""
import json
import re
import tempfile
import time
import unittest
from pathlib import Path

from lab.client import RDEV_HOME, check_schema, rdev, rdev_json, start, up
from lab.openpai import PASSWORDS, OpenPai, for_module, of_the_fake
from lab.proc import eventually, program, run
from lab.terminal import Terminal

DOCUMENT = """protocolVersion: 2
name: {name}
type: job
prerequisites:
  - {{name: image, type: dockerimage, uri: "{image}"}}
taskRoles:
  main:
    instances: 1
    dockerImage: image
    resourcePerInstance: {{cpu: 1, memoryMB: 1024, gpu: 0}}
    commands:
{commands}
defaults: {{virtualCluster: {vc}}}
"""
VERSION_1 = {"jobName": "old", "image": "debian:12", "virtualCluster": "vc1", "retryCount": 1, "jobEnvs": {"GREETING": "it's"},
             "taskRoles": [{"name": "worker", "taskNumber": 2, "cpuNumber": 1, "memoryMB": 1000, "gpuNumber": 0, "shmMB": 64,
                            "minFailedTaskCount": 1, "portList": [{"label": "web", "beginAt": 0, "portNumber": 2}],
                            "command": "echo $GREETING from $PAI_TASK_INDEX"}]}


def setUpModule():
    global pai
    pai = for_module()


def text_of(name, *commands):
    lines = "\n".join(f"      - {json.dumps(command)}" for command in commands)
    return DOCUMENT.format(name=name, image=pai.image, vc=pai.virtual_cluster, commands=lines)


def fresh(name):
    return f"{name}-{time.time_ns() % 10**10}"


class Jobs(unittest.TestCase):
    def submit(self, name, *commands, argv=(), text=None):
        """The job's name: another one for each run."""
        name = fresh(name)
        self.addCleanup(rdev, "job", "stop", name, code=None)
        said = rdev_json("job", "submit", "-", *argv, input=(text or text_of(name, *commands)).encode())
        self.assertEqual((said["name"], said["user"]), (name, pai.user))
        return name

    def document(self, text, name="job.yaml"):
        directory = tempfile.mkdtemp()
        self.addCleanup(run, "rm", "-rf", directory)
        path = Path(directory) / name
        path.write_text(text)
        return path


class Life(Jobs):
    def test_submit_wait_logs_status_list_config(self):
        name = self.submit("good", "echo first", "for i in $(seq 200); do echo line $i; done", "echo last >&2")
        said = rdev("job", "wait", name, timeout=120)
        self.assertEqual(said.text, f"{pai.user}~{name} SUCCEEDED\n")
        log = rdev("job", "logs", name).text
        self.assertIn("first\nline 1\n", log)
        self.assertIn("last\n", log)
        self.assertEqual(rdev("job", "logs", name, "--tail", "2").text.splitlines()[0], "line 200")
        self.assertEqual(rdev("job", "logs", f"{pai.user}~{name}", "--tail", "0").text, "")
        row = next(row for row in rdev_json("job", "list", name))
        self.assertEqual((row["name"], row["state"], row["exit_code"], row["tasks"]), (name, "SUCCEEDED", 0, 1))
        status = rdev_json("job", "status", name)
        self.assertEqual([task["state"] for task in status["tasks"]], ["SUCCEEDED"])
        self.assertGreaterEqual(status["completed_unix_ms"], status["launched_unix_ms"])
        self.assertRegex(rdev("job", "status", name).text, rf"(?s)job  +{pai.user}~{name}\n.*state  +SUCCEEDED \(exit code 0\).*"
                                                           r"ended  +(just now|\d+ (s|min) ago) \(20.*\nmain  0 ")
        config = rdev("job", "config", name).text
        self.assertIn(f"name: {name}\n", config)
        self.assertEqual(rdev_json("job", "config", name)["taskRoles"]["main"]["instances"], 1)

    def test_a_job_that_fails_says_why(self):
        name = self.submit("bad", "echo oh >&2; exit 7")
        said = rdev("job", "wait", name, code=1, timeout=120)
        self.assertRegex(said.text, rf"(?s)^{pai.user}~{name} FAILED\nwhy it ended\n  .*exit code 7.*"
                                    r"what makes jobs end so\n  \S.*what the platform advises\n  \S")
        self.assertEqual(rdev_json("job", "status", name)["exit"]["code"], 7)
        check_schema(("job", "wait"), json.loads(rdev("job", "wait", name, "--json", code=1).text))
        self.assertIn("what makes jobs end so", rdev("job", "status", name).text)

    def test_stop_and_follow(self):
        name = self.submit("long", "echo begun; exec sleep 1000")
        rdev("job", "wait", name, "--until", "running", timeout=120)
        follower = start("job", "logs", name, "-f")
        follower.wait_for("begun")
        watcher = start("job", "status", name, "--watch")
        watcher.wait_for("RUNNING")
        self.assertEqual(rdev("job", "wait", name, "--timeout", "1s", code=124).text, "")
        self.assertEqual(rdev("job", "stop", name, "--wait", timeout=60).text, f"{pai.user}~{name} STOPPED\n")
        self.assertEqual((follower.wait(30), watcher.wait(30)), (0, 0))
        self.assertIn("STOPPED", watcher.output)
        rdev("job", "wait", name, code=3)
        rdev("job", "stop", name)  # once more is fine
        said = rdev("job", "stop", "no-such-job", name, code=1)
        self.assertIn("no-such-job", said.errors)
        self.assertIn(f"{name} is being stopped", said.text)

    def test_clone(self):
        name = self.submit("first", "echo ran as $PAI_JOB_NAME")
        said = rdev_json("job", "clone", name, "--set", "jobRetryCount=2")
        self.addCleanup(rdev, "job", "stop", said["name"], code=None)
        self.assertRegex(said["name"], rf"^{name}_[0-9a-f]{{6}}$")
        self.assertEqual(rdev_json("job", "config", said["name"])["jobRetryCount"], 2)
        again = rdev("job", "clone", said["name"], "--preview").text
        self.assertRegex(again, rf"(?m)^name: {name}_[0-9a-f]{{6}}$")
        self.assertNotIn(said["name"], again)

    def test_open(self):
        name = self.submit("open", "true")
        page = rdev("job", "open", name, "--print").text
        self.assertRegex(page, rf"^https?://[^/]+/job-detail.html\?username={pai.user}&jobName={name}\n$")
        seen = Path(tempfile.mkdtemp()) / "seen"
        self.addCleanup(run, "rm", "-rf", seen.parent)
        browser = self.document(f"#!/bin/sh\necho \"$1\" >{seen}.new && mv {seen}.new {seen}\n", "browser")
        browser.chmod(0o755)
        rdev("job", "open", name, env={"BROWSER": str(browser)})
        eventually(seen.exists, "the browser was started")
        self.assertEqual(seen.read_text(), page)
        said = rdev("job", "open", name, env={"BROWSER": "/nonexistent"}, code=1)
        self.assertIn("set BROWSER", said.errors)

    def test_a_job_of_rdev_up_by_its_name_here(self):
        up(self, "mine", "--cluster", "pai", *pai.options, timeout=120)
        status = rdev_json("job", "status", "mine")
        self.assertTrue(status["name"].startswith("rdev-mine-"))
        self.assertIn("rdev", rdev_json("job", "config", "mine")["extras"])
        said = rdev("job", "clone", "mine", code=2)
        self.assertIn("the server does not give secrets back", said.errors)


class Attach(Jobs):
    def laptop(self, *files):
        """The environment of another laptop with these files of ours."""
        place = Path(tempfile.mkdtemp(prefix="l-"))
        self.addCleanup(run, "rm", "-rf", place)
        for file in files:
            (place / file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            run("cp", "-a", RDEV_HOME / file, place / file)
        return {"RDEV_HOME": str(place)}

    def test_from_another_laptop(self):
        up(self, "far", "--cluster", "pai", *pai.options, "--", "sleep", "5000", timeout=120)
        full = rdev_json("job", "status", "far")["name"]
        there = self.laptop("config", "state/tokens")
        self.addCleanup(rdev, "down", "far", "--forget", env=there, code=None)
        said = rdev("attach", full, env=there, timeout=60)
        self.assertIn("far was running on pai and is taken over", said.text)
        self.assertEqual(rdev("exec", "far", "--", "echo", "there", env=there).text, "there\n")
        self.assertEqual(rdev("exec", "far", "--", "echo", "here").text, "here\n")
        again = json.loads(rdev("attach", "far", "--cluster", "pai", "--json", env=there).text)
        self.assertEqual(again["outcome"], "already_running")

    def test_what_cannot_be_taken_over(self):
        name = self.submit("plain", "exec sleep 1000")
        self.assertIn("has no agent in it", rdev("attach", name, "--cluster", "pai", code=2).errors)
        self.assertIn("no-such-job", rdev("attach", "no-such-job", "--cluster", "pai", code=1).errors)
        self.assertIn("there is no cluster 'pia'", rdev("attach", "x", "--cluster", "pia", code=2).errors)
        up(self, "ours", "--cluster", "pai", *pai.options, timeout=120)
        full = rdev_json("job", "status", "ours")["name"]
        stranger = self.laptop("config/clusters", "config/config.yaml", "state/tokens") if (RDEV_HOME / "config/config.yaml").exists() \
            else self.laptop("config/clusters", "state/tokens")
        said = rdev("attach", full, "--cluster", "pai", env=stranger, code=1)
        self.assertRegex(said.errors, "belongs to another key: its agent lets in SHA256:.*, and yours is SHA256:")
        rdev("down", "ours")
        rdev("job", "wait", full, "--timeout", "1m", code=3, timeout=90)
        self.assertIn("is STOPPED: there is nothing to take over", rdev("attach", full, "--cluster", "pai", code=1).errors)


class Documents(Jobs):
    """What becomes of a document before it is sent; nothing of it needs a job to run."""

    def preview(self, path, *argv, code=0):
        return rdev("job", "submit", path, "--preview", *argv, code=code)

    def value(self, path, *argv):
        return json.loads(self.preview(path, "--json", *argv).text)

    def test_set_keeps_types(self):
        path = self.document(text_of("one", "true"))
        job = self.value(path, "--set", "name=7", "--set", "taskRoles.main.instances=4", "--set", "jobRetryCount=3",
                         "--set", "description=3", "--set", 'version="1.0"', "--set", "extras.com\\.example\\.x.on=true",
                         "--set", "taskRoles.main.commands.0=echo a=b", "--set", "taskRoles.main.commands[1]=echo 2 > x",
                         "--set", "extras.list=[1, two]", "--set", "defaults.virtualCluster=null", "--set", "description=text")
        self.assertEqual((job["name"], job["jobRetryCount"], job["version"], job["description"]), ("7", 3, "1.0", "text"))
        self.assertEqual(job["taskRoles"]["main"]["instances"], 4)
        self.assertEqual(job["taskRoles"]["main"]["commands"], ["echo a=b", "echo 2 > x"])
        self.assertEqual(job["extras"], {"com.example.x": {"on": True}, "list": [1, "two"]})
        self.assertEqual(job["defaults"], {})

    def test_wrong_sets(self):
        path = self.document(text_of("one", "true"))
        for wrong, why in (("name", "is not PATH=VALUE"), ("defaults:virtualCluster=x", "defaults.virtualCluster=…"),
                           ("taskRoles.main.commands.5=x", "'5' is no place in a list of 1"), ("name.x=1", "no mapping and no list"),
                           ("a..b=1", "a key is empty"), ("a[0=1", "a '\\[' without a '\\]'"), ("=1", "is not PATH=VALUE")):
            self.assertRegex(self.preview(path, "--set", wrong, code=2).errors, why)

    def test_json_and_version_1(self):
        path = self.document(json.dumps(VERSION_1), "old.json")
        said = self.preview(path, "--json")
        self.assertIn("converted to version 2", said.errors)
        job = json.loads(said.text)
        role = job["taskRoles"]["worker"]
        self.assertEqual((job["name"], job["protocolVersion"], job["jobRetryCount"], job["defaults"]), ("old", 2, 1, {"virtualCluster": "vc1"}))
        self.assertEqual(role["resourcePerInstance"], {"cpu": 1, "memoryMB": 1000, "gpu": 0, "ports": {"web": 2}})
        self.assertEqual((role["instances"], role["completion"], role["extraContainerOptions"]), (2, {"minFailedInstances": 1}, {"shmMB": 64}))
        self.assertEqual(role["commands"], ["export GREETING='it'\\''s'", "echo $GREETING from $PAI_TASK_INDEX"])

    def test_version_1_that_cannot_be_converted(self):
        path = self.document(json.dumps({**VERSION_1, "codeDir": "hdfs://x", "gpuType": "K80", "foo": 1,
                                         "taskRoles": [{"taskNumber": "two", "command": "x"}]}, indent=1), "old.json")
        said = self.preview(path, code=2).errors
        for why in ("codeDir: was copied into the job from HDFS", "gpuType: has no equal", "foo: is no key of protocol version 1",
                    r"taskRoles\[0\]: needs name", r"taskRoles\[0\].taskNumber: must be a whole number"):
            self.assertRegex(said, rf"old\.json:\d+:\d+: {why}")

    def test_wrong_documents(self):
        good = text_of("one", "true")
        for text, why in ((good.replace("cpu: 1", "cpu: two"), r"job.yaml:10:\d+: taskRoles.main.resourcePerInstance.cpu: must be a whole"),
                          (good.replace("type: job\n", ""), "type: is missing"), ("- a list\n", "a job is a mapping"), ("", "a job is a mapping"),
                          ("a: [\n", r"job.yaml:\d+:\d+: "), (good + "secrets: '******'\n", "--secrets FILE has them anew"),
                          (good.replace("name: one", f"name: one\ndescription: {'x' * 110000}"), "the server takes at most")):
            self.assertRegex(self.preview(self.document(text), code=None).errors, why)
        self.assertIn("nonexistent", self.preview("/nonexistent", code=1).errors)

    def test_secrets(self):
        name = fresh("secret")
        path = self.document(text_of(name, "echo token <% $secrets.token %>") + "secrets: {token: '******'}\n")
        secrets = self.document("token: hush\n", "secrets.yaml")
        self.assertNotIn("hush", self.preview(path, "--secrets", secrets).text)
        self.addCleanup(rdev, "job", "stop", name, code=None)
        rdev("job", "submit", path, "--secrets", secrets)
        rdev("job", "wait", name, timeout=120)
        self.assertIn("token hush\n", rdev("job", "logs", name).text)
        self.assertIn("the server does not give secrets back", rdev("job", "clone", name, code=2).errors)
        said = rdev_json("job", "clone", name, "--secrets", "-", input=b"token: hush\n")
        self.addCleanup(rdev, "job", "stop", said["name"], code=None)

    def test_the_server_refuses(self):
        path = self.document(text_of(fresh("twice"), "true"))
        rdev("job", "submit", path)
        self.assertRegex(rdev("job", "submit", path, code=1).errors, "(?i)already|exists")
        self.assertRegex(rdev("job", "submit", path, "--name", fresh("vc"), "--vc", "nowhere", code=1).errors, "nowhere")


@of_the_fake("needs thousands of jobs, other users, and a server of another age")
class Many(Jobs):
    @classmethod
    def setUpClass(cls):
        cls.server = OpenPai()
        cls.addClassCleanup(cls.server.stop)
        rdev("cluster", "add", "many", "--url", cls.server.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        cls.addClassCleanup(rdev, "cluster", "remove", "many")
        cls.server.control("seed", user="alice", count=5000)
        cls.server.control("seed", user="bob", count=30)

    def setUp(self):
        self.addCleanup(self.server.control, "info", version="v1.8.1")

    def names(self, *argv):
        return [row["name"] for row in rdev_json("job", "list", "--cluster", "many", *argv)]

    def test_all_of_them_in_a_second(self):
        self.assertEqual(len(self.names("--limit", "0")), 5000)
        began = time.monotonic()
        lister = start("job", "list", "--cluster", "many", "--limit", "0")
        lister.wait_for("old-04999 ")
        first = time.monotonic() - began
        self.assertEqual(lister.wait(30), 0)
        self.assertEqual(len(lister.output.splitlines()), 5001)
        self.assertEqual(lister.output.count("NAME"), 1)
        self.assertLess(first, 5, "the first page does not wait for the last")
        pages = [call for call in self.server.control("requests") if call[1].endswith("/jobs")]
        self.assertGreaterEqual(len(pages), 10)

    def test_pages(self):
        said = rdev("job", "list", "--cluster", "many")
        self.assertEqual(len(said.text.splitlines()), 51)
        self.assertIn("50 of 5000 jobs of many (--offset 50 goes on, --limit 0 shows all)", said.errors)
        self.assertEqual(self.names("--limit", "2", "--offset", "4998"), ["old-00001", "old-00000"])

    def check_filters(self):
        self.assertEqual(self.names("--limit", "2"), ["old-04999", "old-04998"])
        self.assertEqual(self.names("old-0012"), [f"old-0012{i}" for i in range(9, -1, -1)])
        self.assertEqual(len(self.names("--state", "failed", "--limit", "0")), 1667)
        self.assertEqual(self.names("--state", "active"), [])
        self.assertEqual(self.names("--vc", "vc1", "--limit", "1"), ["old-04999"])
        self.assertEqual(self.names("--vc", "default", "--limit", "1"), ["old-04998"])
        self.assertEqual(self.names("--sort", "name", "--limit", "2"), ["old-00000", "old-00001"])
        self.assertEqual(self.names("--sort", "name:desc", "--limit", "1"), ["old-04999"])
        self.assertEqual(self.names("--sort", "submitted:asc", "--limit", "1", "--offset", "1"), ["old-00001"])
        rows = rdev_json("job", "list", "--cluster", "many", "--sort", "gpus", "--limit", "1")
        self.assertEqual(rows[0]["gpus"], 7)
        self.assertEqual(len(self.names("--user", "bob")), 30)
        self.assertEqual(len(self.names("--user", "bob,alice", "--limit", "0")), 5030)
        self.assertEqual(len(self.names("--everyone", "--limit", "0")), 5030)

    def test_filters(self):
        self.check_filters()
        self.assertEqual(self.names("--tag", "strange", "--limit", "1"), ["old-04999"])
        self.assertEqual(self.names("--no-tag", "strange", "--limit", "1"), ["old-04998"])
        self.assertEqual(len(self.names("--priority", "prod,test", "--limit", "0")), 3334)

    def test_a_server_that_filters_nothing(self):
        self.server.control("info", version="v1.1.0")
        self.check_filters()

    def test_wrong_words(self):
        for argv, why in ((("--state", "faild"), "there is no state 'FAILD'"), (("--sort", "gpu"), "did you mean 'gpus'"),
                          (("--sort", "name:up"), ":asc or :desc"), (("--limit", "-1"), "--limit"), (("--cluster", "docker"), "rdev ls"),
                          (("--cluster", "mani"), "did you mean 'many'")):
            self.assertIn(why, rdev("job", "list", *argv, code=2).errors)

    def test_several_clusters(self):
        rows = rdev_json("job", "list", "--cluster", "pai,many", "--limit", "3")
        self.assertEqual([row["name"] for row in rows if row["cluster"] == "many"], ["old-04999", "old-04998", "old-04997"])
        self.assertIn(" CLUSTER ", rdev("job", "list", "--all-clusters", "--limit", "1").text)
        self.server.control("fault", kind="status", path="/jobs$", status=503, count=10)
        self.addCleanup(self.server.control, "clear")
        said = rdev("job", "list", "--all-clusters", code=1)
        self.assertIn("many: ", said.errors)
        self.assertIn("NAME ", said.text)

    def test_which_cluster(self):
        self.assertIn("which cluster? Say --cluster NAME (there are: many, pai)", rdev("job", "list", code=2).errors)
        rdev("cluster", "select", "many")
        self.addCleanup(rdev, "cluster", "select", "local")
        self.assertEqual(rdev_json("job", "list", "--limit", "1")[0]["cluster"], "many")

    def test_on_a_terminal(self):
        argv = (program("rdev"), "job", "list", "--cluster", "many", "--limit", "3")
        coloured = Terminal("env", "TERM=xterm", *argv)
        self.assertEqual(coloured.wait(), 0)
        self.assertIn("\x1b[31mFAILED\x1b[0m", coloured.seen)
        plain = Terminal("env", "TERM=xterm", "NO_COLOR=1", *argv, columns=60)
        self.assertEqual(plain.wait(), 0)
        self.assertNotIn("\x1b[3", plain.seen)
        widths = [len(line) for line in plain.seen.splitlines() if re.match("old-|NAME", line)]
        self.assertEqual(len(widths), 4)
        self.assertLessEqual(max(widths), 60)

    def test_watch_on_a_terminal(self):
        terminal = Terminal("env", "TERM=xterm", program("rdev"), "job", "list", "--cluster", "many", "--watch", rows=12)
        terminal.expect(r"\x1b\[2J\x1b\[\?7l\x1b\[HNAME")
        terminal.expect("old-04990")  # the screen has room for ten of them
        self.server.control("seed", user="alice", count=1)
        terminal.expect("old-00000")
        terminal.process.terminate()
        terminal.wait()


@of_the_fake("makes the server and its jobs misbehave")
class Trouble(Jobs):
    def tearDown(self):
        pai.control("clear")
        pai.control("capacity", gpus=4)

    def test_why_it_waits(self):
        pai.control("capacity", gpus=0)
        name = self.submit("waits", "true", argv=("--set", "taskRoles.main.resourcePerInstance.gpu=1"))
        eventually(lambda: "waits for" in rdev("job", "status", name).text, "it is said why it waits")
        self.assertIn("Insufficient nvidia.com/gpu", rdev("job", "events", name, "--warnings").text)
        events = rdev_json("job", "events", name)
        self.assertEqual({event["reason"] for event in events}, {"FailedScheduling"})

    def test_attempts(self):
        name = self.submit("again", "echo attempt; [ -e ../tried ] || { touch ../tried; exit 3; }", argv=("--set", "jobRetryCount=1"))
        rdev("job", "wait", name, timeout=60)
        self.assertEqual(rdev_json("job", "status", name)["retries"], 1)
        first = rdev_json("job", "status", name, "--attempt", "0")
        self.assertEqual([task["exit_code"] for task in first["tasks"]], [3])
        rdev("job", "status", name, "--attempt", "7", code=1)

    def test_roles_and_logs_that_are_not_there(self):
        name = self.submit("roles", "echo out")
        rdev("job", "wait", name, timeout=60)
        self.assertIn("its roles are: main (1 task)", rdev("job", "logs", name, "--role", "ps", code=2).errors)
        self.assertIn("its roles are: main (1 task)", rdev("job", "logs", name, "--index", "1", code=2).errors)
        self.assertIn('there is no log "foo"; there are: stdout, stderr, all', rdev("job", "logs", name, "--log", "foo", code=1).errors)
        self.assertIn("out\n", rdev("job", "logs", name, "--log", "stderr").text)

    def test_jobs_that_are_not_there(self):
        for verb in ("status", "logs", "config", "events", "wait", "stop", "clone"):
            self.assertIn("no-such-job", rdev("job", verb, "no-such-job", code=1).errors)
        self.assertIn("is no job", rdev("job", "status", "bob~", code=2).errors)
        self.assertIn("bob", rdev("job", "stop", "bob~nothing", code=1).errors)

    def test_clone_what_the_server_has_forgotten(self):
        secret = self.document("token: hush\n", "secrets.yaml")
        name = self.submit("forgotten", "echo here", argv=("--secrets", secret))
        rdev("job", "wait", name, timeout=60)
        pai.control("forget", job=f"alice~{name}")
        said = rdev("job", "clone", name, "--preview", "--secrets", secret)
        self.assertIn("this is what was sent from here", said.errors)
        self.assertIn("echo here", said.text)
        self.assertIn("does not give secrets back", rdev("job", "clone", name, code=2).errors)
        self.assertNotIn("hush", (RDEV_HOME / "state/history.json").read_text())
        self.assertEqual(rdev_json("history", name)[0]["document"]["secrets"], {"token": "******"})

    def test_wait_outlives_a_server_that_is_away(self):
        name = self.submit("away", "exec sleep 3")
        pai.control("fault", kind="status", path=f"{name}$", status=503, count=4)
        rdev("job", "wait", name, timeout=60)


if __name__ == "__main__":
    unittest.main()
