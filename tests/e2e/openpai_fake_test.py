"""Holds the fake of OpenPAI's server (tests/fakes/openpai) to what the real one was seen to answer, and to its
published description. lab/pai.py asks the same of a real server."""
import hashlib
import json
import re
import time
import unittest
import urllib.error
import urllib.request

import yaml

from lab.openpai import FAKE, PASSWORDS, REAL, for_module, of_the_fake
from lab.proc import eventually

SAMPLES = FAKE / "samples"
SWAGGER = yaml.safe_load((FAKE / "swagger-2.2.7-pai1.8.yaml").read_text())


def setUpModule():
    global base, user, token, pai
    pai = for_module()
    base, user, token = pai.base, pai.user, pai.token


def call(method, path, body=None, kind="application/json", auth=True, headers=()):
    """(status, content type, body as JSON or text)."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, method=method, headers={"Content-Type": kind, **dict(headers)})
    if auth:
        request.add_header("Authorization", f"Bearer {token if auth is True else auth}")
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        try:
            return answer.status, answer.headers["Content-Type"], json.loads(text)
        except ValueError:
            return answer.status, answer.headers["Content-Type"], text


def sample(name):
    return json.loads((SAMPLES / f"v18-{name}.json").read_text())


def differences(expected, found, path=""):
    """Where the two are not of the same shape: keys, and types where both say something."""
    if expected is None or found is None:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() ^ found.keys():
            yield f"{path}.{key} is {'missing' if key in expected else 'too much'}"
        for key in expected.keys() & found.keys():
            yield from differences(expected[key], found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        for item in found[:1] if expected else ():
            yield from differences(expected[0], item, f"{path}[0]")
    elif not (isinstance(found, type(expected)) or isinstance(expected, (int, float)) and isinstance(found, (int, float))):
        yield f"{path} is a {type(found).__name__}, not a {type(expected).__name__}"


def job(name, command="sleep 100", **over):
    role = {"instances": 1, "dockerImage": "image", "commands": [command],
            "resourcePerInstance": {"cpu": 1, "memoryMB": 512, "gpu": 0, "ports": {"tb": 2}}}
    role.update(over.pop("role", {}))
    return {"protocolVersion": 2, "name": name, "type": "job", "taskRoles": {"worker": role},
            "prerequisites": [{"type": "dockerimage", "name": "image", "uri": pai.image}],
            "defaults": {"virtualCluster": pai.virtual_cluster}, **over}


def submit(document):
    return call("POST", "/api/v2/jobs", document, kind="text/yaml")


class Shapes(unittest.TestCase):
    def same(self, name, found, ignoring=()):
        wrong = [line for line in differences(sample(name), found) if not any(part in line for part in ignoring)]
        # Some of a real server's have tokens and keys in them.
        self.assertEqual(wrong, [], None if REAL else json.dumps(found)[:2000])

    def started(self, name, *argv, **how):
        name = f"{name}{int(time.time())}"
        status, _, answer = submit(job(name, *argv, **how))
        self.assertEqual(status, 202, answer)
        self.same("submit-accepted", answer)
        self.addCleanup(call, "PUT", f"/api/v2/jobs/{user}~{name}/executionType", {"value": "STOP"})
        return f"/api/v2/jobs/{user}~{name}"

    def until(self, path, state):
        eventually(lambda: call("GET", path)[2]["jobStatus"]["state"] == state, state, timeout=60)
        return call("GET", path)[2]

    def config(self, path):
        status, kind, text = call("GET", f"{path}/config")
        self.assertEqual((status, kind.split(";")[0]), (200, "text/yaml"))
        return yaml.safe_load(text) if isinstance(text, str) else text

    def test_info_and_users(self):
        self.same("info", call("GET", "/api/v2/info", auth=False)[2])
        self.same("authn-info", call("GET", "/api/v1/authn/info", auth=False)[2])
        self.same("tokens-check", call("GET", "/api/v2/tokens/check")[2], ignoring=(".exp",))
        self.same("storages", call("GET", "/api/v2/storages")[2])
        clusters = call("GET", "/api/v2/virtual-clusters")[2]
        self.same("virtual-clusters", {"default": clusters[pai.virtual_cluster]}, ignoring=("maxCapacity",))
        self.same("user-detail", call("GET", f"/api/v2/users/{user}")[2], ignoring=("sshKeys",))

    def test_login(self):
        if not pai.password:
            self.skipTest("RDEV_PAI_PASSWORD is not set")
        self.same("login", call("POST", "/api/v1/authn/basic/login",
                                {"username": user, "password": pai.password}, auth=False)[2])

    def test_a_running_job(self):
        path = self.started("running")
        initial = call("GET", path)[2]
        if initial["jobStatus"]["subState"] == "AttemptCreationPending":
            self.same("job-detail-waiting-initial", initial)
        seen = self.until(path, "RUNNING")
        self.same("job-detail-running", seen)
        logs = seen["taskRoles"]["worker"]["taskStatuses"][0]["containerLog"]
        self.same("task-logs", call("GET", logs)[2])
        self.same("events", call("GET", f"{path}/events")[2])
        self.same("job-list", call("GET", f"/api/v2/jobs?username={user}")[2])
        self.same("job-list-totalcount", call("GET", f"/api/v2/jobs?username={user}&withTotalCount=true")[2])
        self.assertEqual(self.config(path)["taskRoles"]["worker"]["commands"], ["sleep 100"])
        stopped = call("PUT", f"{path}/executionType", {"value": "STOP"})
        self.assertEqual(stopped[0], 202)
        self.same("stop-accepted", stopped[2])
        self.same("job-detail-stopped", self.until(path, "STOPPED"))

    def test_jobs_that_end(self):
        self.same("job-detail-succeeded", self.until(self.started("good", "true"), "SUCCEEDED"))
        failed = self.until(self.started("bad", "exit 3"), "FAILED")
        self.same("job-detail-failed", failed)
        self.assertEqual(failed["jobStatus"]["appExitCode"], 3 if not REAL else failed["jobStatus"]["appExitCode"])

    def test_ports_are_hashed(self):
        task = self.until(self.started("ports"), "RUNNING")["taskRoles"]["worker"]["taskStatuses"][0]
        for label, numbers in task["containerPorts"].items():
            for index, number in enumerate(numbers.split(",")):
                digest = hashlib.md5(f"[{task['containerId']}][{label}][{index}]".encode()).hexdigest()
                total = int(digest[:12], 16) + int(digest[12:24], 16) + int(digest[24:], 16)
                self.assertEqual(int(number), total % 25000 + 15000)

    def test_secrets_are_masked_and_rendered(self):
        path = self.started("secret", "echo <% $secrets.word %>; sleep 100", secrets={"word": "plainly"})
        self.assertEqual(self.config(path)["secrets"], "******")
        seen = self.until(path, "RUNNING")

        def log():
            locations = call("GET", seen["taskRoles"]["worker"]["taskStatuses"][0]["containerLog"])[2]["locations"]
            uri = next(one["uri"] for one in locations if one["name"] == "all")
            return urllib.request.urlopen(base.removesuffix("/rest-server") + uri, timeout=20).read()
        eventually(lambda: b"plainly" in log(), "the log has it")

    def test_a_retried_attempt(self):
        path = self.started("retried", "exit 3", jobRetryCount=1)
        self.assertEqual(self.until(path, "FAILED")["jobStatus"]["attemptId"], 1)


class Refusals(unittest.TestCase):
    """Each captured refusal, asked for again: status, kind and words."""

    def test_of_ones_own(self):
        taken = f"taken{int(time.time())}"
        submit(job(taken, "true"))
        invalid = {"value": "stop"}
        asked = {
            "400-bad-name": lambda: submit(job("no blanks")),
            "400-empty": lambda: call("POST", "/api/v2/jobs", b"", kind="text/yaml"),
            "400-execution-type": lambda: call("PUT", f"/api/v2/jobs/{user}~{taken}/executionType", invalid),
            "400-gpu-string": lambda: submit(job("x", role={"resourcePerInstance": {"cpu": 1, "memoryMB": 1, "gpu": "one"}})),
            "400-instances-0": lambda: submit(job("x", role={"instances": 0})),
            "400-json-ctype": lambda: call("POST", "/api/v2/jobs", job("x")),
            "400-limit-too-big": lambda: call("GET", "/api/v2/jobs?limit=50001"),
            "400-missing-field": lambda: submit({key: value for key, value in job("x").items() if key != "name"}),
            "400-no-such-prereq": lambda: submit(job("x", role={"dockerImage": "nope"})),
            "400-port-not-int": lambda: submit(job("x", role={"resourcePerInstance": {
                "cpu": 1, "memoryMB": 1, "gpu": 0, "ports": {"ssh": "1"}}})),
            "400-unknown-top-level": lambda: submit(job("x", foo=1)),
            "400-yaml-as-application-x-yaml": lambda: call("POST", "/api/v2/jobs", job("x"), kind="application/x-yaml"),
            "401-guest": lambda: call("GET", "/api/v2/jobs", auth=False),
            "401-invalid-token": lambda: call("GET", "/api/v2/jobs", auth="nonsense"),
            "403-vc": lambda: submit(job("x", defaults={"virtualCluster": "nope"})),
            "404-job-missing": lambda: call("GET", f"/api/v2/jobs/{user}~missing"),
            "404-no-api": lambda: call("GET", "/api/v1/jobs"),
            "404-no-job-ssh-info": lambda: call("GET", f"/api/v2/jobs/{user}~{taken}/ssh"),
            "404-storage": lambda: submit(job("x", extras={"storages": [{"name": "nope"}]})),
            "409-conflict-job": lambda: submit(job(taken)),
            "413-body-too-large": lambda: submit(job("x", description="x" * 200_000)),
            "500-bad-yaml": lambda: call("POST", "/api/v2/jobs", b"a: [b: }", kind="text/yaml"),
            "500-missing-instances": lambda: submit(
                {**job("x"), "taskRoles": {"worker": {key: value for key, value in job("x")["taskRoles"]["worker"].items()
                                                      if key != "instances"}}}),
            "500-offset-not-a-number": lambda: call("GET", "/api/v2/jobs?offset=nan"),
        }
        self.all_refused(asked)

    @of_the_fake("the fake's users and passwords are known")
    def test_of_other_users_and_passwords(self):
        def login(**form):
            return call("POST", "/api/v1/authn/basic/login", form, auth=False)

        theirs = f"theirs{int(time.time())}"
        submit(job(theirs, "true"))
        bob = login(username="bob", password=PASSWORDS["bob"])[2]["token"]
        self.all_refused({
            "400-bad-pw": lambda: login(username="alice", password="something"),
            "400-no-pw": lambda: login(username="alice"),
            "400-short-pw": lambda: login(username="alice", password="abc"),
            "400-unknown-user": lambda: login(username="nobody", password="something"),
            "400-no-user": lambda: call("GET", "/api/v2/users/zz"),
            "403-bob-stops-admin": lambda: call("PUT", f"/api/v2/jobs/{user}~{theirs}/executionType", {"value": "STOP"}, auth=bob),
        })

    def all_refused(self, asked):
        for case, ask in asked.items():
            with self.subTest(case):
                expected = sample(f"error-{case}")
                status, kind, body = ask()
                self.assertEqual(status, expected["http_status"], body)
                self.assertEqual(kind, expected["content_type"])
                self.assertEqual(body.keys(), expected["body"].keys())
                self.assertEqual(body.get("code"), expected["body"].get("code"))
                self.assertEqual(words(body["message"]), words(expected["body"]["message"]), body["message"])


def words(message):
    """A refusal's words without the names in it; of a validation error what is compared by clients."""
    if message.startswith("["):
        return [(one["keyword"], one["dataPath"], one["params"], one["message"]) for one in json.loads(message)]
    if "flow collection" in message or "parsing a flow" in message:
        return "YAML"
    return re.sub(rf"\b(admin|alice|bob|nobody|zz|{re.escape(user)})\b|~[\w-]+", "X", message)


class Described(unittest.TestCase):
    """What rdev asks for is in the published description, but for authn/info, sku-types and tokens/check, and so is
    each answer's status."""

    ASKED = [("get", "/api/v2/info"), ("post", "/api/v2/authn/basic/login"),
             ("get", "/api/v2/virtual-clusters"), ("get", "/api/v2/storages"),
             ("get", "/api/v2/users/{user}"), ("post", "/api/v2/jobs"), ("get", "/api/v2/jobs"),
             ("get", "/api/v2/jobs/{user}~{job}"), ("get", "/api/v2/jobs/{user}~{job}/config"),
             ("put", "/api/v2/jobs/{user}~{job}/executionType"), ("get", "/api/v2/jobs/{user}~{job}/events")]

    def test_paths(self):
        for method, path in self.ASKED:
            with self.subTest(path):
                described = SWAGGER["paths"][path][method]
                if method != "get" or "{job}" in path:
                    continue
                status = call("GET", path.replace("{user}", user))[0]
                self.assertIn(str(status), {str(one) for one in described["responses"]})


if __name__ == "__main__":
    unittest.main()
