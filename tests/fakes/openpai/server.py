"""The HTTP side: routes, gzip, ETag, log files."""
import gzip
import hashlib
import json
import re
import secrets
import shutil
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import protocol
import versions
from auth import Auth
from errors import Refused, no_api, no_user
from faults import Faults
from jobs import Jobs
from limits import Limits
from runtime import Runtime

LOG_TOKEN_S = 120
TAIL = 16384


class Fake:
    def __init__(self, state, docker_host=None, options=(), node_ip="127.0.0.1", shell=("bash",)):
        self.state = Path(state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.node_ip = node_ip
        self.auth = Auth(secrets.token_bytes(32))
        self.auth.add_user("admin", "admin-password", admin=True, clusters=("default", "vc1"), storages=("nfs-data",))
        self.auth.add_user("alice", "alice-password", clusters=("default", "vc1"), storages=("nfs-data",))
        self.auth.add_user("bob", "bob-password")
        self.ahead_s = 0
        self.delays = {"created": 0.1, "preparing": 0.2}
        self.free_gpus = 4
        self.used, self.skus = {}, {}
        self.storages = {"nfs-data": {"share": True, "default": True, "type": "nfs", "data": {"server": "10.0.0.9", "path": "/data"}}}
        self.old_storages = {"config": [], "server": []}
        self.info = {"name": "PAI RESTful API", "version": "v1.8.1", "launcherType": "k8s", "authnMethod": "basic"}
        self.url, self.limits, self.log_tokens = None, Limits(), {}
        self.runtime = Runtime(self.state / "tasks", docker_host, options, shell)
        self.jobs = Jobs(self)
        self.faults = Faults(self)

    @property
    def version(self):
        return versions.parse((self.info or {}).get("version"))

    def log_of(self, pod):
        """The file of a task's log, or None."""
        tasks = [task for job in self.jobs.by_key.values() for task in job.tasks]
        return next((task.running.log for task in tasks if task.pod == pod and task.running), None)

    def end(self):
        self.jobs.end_all()
        shutil.rmtree(self.state, ignore_errors=True)

    def log_list(self, key, attempt, role, index, task_attempt):
        task = next((t for t in self.jobs.get(key).tasks if t.role == role and t.index == int(index)), None)
        if task is None:
            raise Refused(500, "UnknownError", "Failed to get log list")
        if task.running is None:
            raise Refused(404, "NoTaskLogError", "Log of task is not found.")
        token = secrets.token_hex(8)
        self.log_tokens[token] = (time.time() + LOG_TOKEN_S, task.running.log)
        return {"locations": [{"name": name, "uri": f"/log-manager/{self.node_ip}:9103/api/v1/logs/user.pai.{name}"
                                                    f"?token={token}&taskrole={role}"} for name in ("stdout", "stderr", "all")]}


def _routes(fake):
    """(method, pattern of the path behind /api, needs a token, answer(handler, claims, *groups))."""
    key = r"([^/]+~[^/]+)"
    total = {"cpu": 24, "memory": 225280, "gpu": 4, "vCores": 24, "GPUs": 4}
    none = {name: 0 for name in total}

    def user(claims, name):
        if claims["application"]:
            raise Refused(403, "ForbiddenUserError", "Applications are not allowed to do this operation.")
        if name not in fake.auth.users:
            raise no_user(name)
        record = fake.auth.users[name]
        return {"username": name, "grouplist": record["virtualCluster"], "email": "",
                "extension": {"jobSSH": {"key": "-----BEGIN RSA PRIVATE KEY-----\nsecret\n", "pubKey": "ssh-rsa x"}},
                "admin": record["admin"], "virtualCluster": record["virtualCluster"],
                "storageConfig": record["storageConfig"]}

    def storage_list(handler, claims):
        return {"storages": [{"name": name, "share": one["share"], "volumeName": f"{name}-pv", "default": one["default"]}
                             for name, one in fake.storages.items()]}

    def storage(handler, claims, name):
        if name not in fake.storages:
            raise Refused(404, "NoStorageError", f"Storage {name} is not found.")
        one = {"readOnly": False, "mountOptions": [], **fake.storages[name]}
        return {"name": name, "volumeName": f"{name}-pv", **{key: one[key] for key in one if key != "default"}}

    def clusters(handler, claims):
        return {name: {"capacity": 100, "usedCapacity": 0, "dedicated": False, "resourcesUsed": fake.used.get(name, none),
                       "resourcesGuaranteed": total, "resourcesTotal": total, "maxCapacity": 100} for name in ("default", "vc1")}

    def login(handler, claims):
        if fake.auth.method != "basic":
            raise no_api(handler.path)
        return fake.auth.login(handler.json())

    def logs(handler, claims, *place):
        return fake.log_list(*place)

    return [
        ("GET", "/v2/info", False, lambda h, c: {**fake.info, "authnMethod": fake.auth.method}),
        ("GET", "/v1/?", False, lambda h, c: {**fake.info, "authnMethod": fake.auth.method}),
        ("GET", "/v[12]/authn/info", False, lambda h, c: {
            "authn_type": fake.auth.method, "loginURI": f"/api/v1/authn/{fake.auth.method.lower()}/login",
            "loginURIMethod": "post" if fake.auth.method == "basic" else "get"}),
        ("POST", "/v[12]/authn/basic/login", False, login),
        ("GET", "/v2/tokens/check", True, lambda h, c: c),
        ("GET", "/v2/users/([^/]+)", True, lambda h, c, name: user(c, name)),
        ("GET", "/v2/virtual-clusters", True, clusters),
        ("GET", "/v1/user/([^/]+)", True, lambda h, c, name: user(c, name)),
        ("GET", "/v1/virtual-clusters", False, clusters),
        ("GET", "/v2/cluster/sku-types", True, lambda h, c: fake.skus),
        ("GET", "/v2/storages", True, storage_list),
        ("GET", "/v2/storages/([^/]+)", True, storage),
        ("GET", "/v2/storage/(config|server)", True, lambda h, c, which: fake.old_storages[which]),
        ("POST", "/v2/jobs", True, lambda h, c: fake.jobs.submit(
            c["username"], protocol.parse(h.headers.get("Content-Type", ""), h.body()))),
        ("GET", "/v2/jobs", True, lambda h, c: fake.jobs.list(h.query)),
        ("GET", f"/v2/jobs/{key}", True, lambda h, c, job: fake.jobs.get(job).detail()),
        ("GET", f"/v2/jobs/{key}/config", True, lambda h, c, job: fake.jobs.get(job).config()),
        ("GET", f"/v2/jobs/{key}/ssh", True, lambda h, c, job: _no_ssh(fake.jobs.get(job).key)),
        ("GET", f"/v2/jobs/{key}/events", True, lambda h, c, job: {
            "totalCount": len(fake.jobs.get(job).events), "data": fake.jobs.get(job).events}),
        ("GET", f"/v2/jobs/{key}/attempts/(\\d+)", True, lambda h, c, job, number: fake.jobs.get(job).attempt_detail(int(number))),
        ("PUT", f"/v2/jobs/{key}/executionType", True, lambda h, c, job: fake.jobs.execute(job, c, h.json())),
        ("GET", f"/v2/jobs/{key}/attempts/(\\d+)/taskRoles/(\\w+)/taskIndex/(\\d+)/attempts/(\\d+)/logs", True, logs),
    ]


def _no_ssh(key):
    raise Refused(404, "NoJobSshInfoError", f"SSH info of job {key} is not found.")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake, routes = None, None  # of the class that serve() makes

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.fake.ahead_s if timestamp is None else timestamp)

    def body(self):
        return self.received

    def json(self):
        try:
            return json.loads(self.received or b"{}")
        except ValueError as error:
            raise Refused(400, "", str(error)) from error

    def _serve(self):
        length = int(self.headers.get("Content-Length", 0))
        self.received = self.rfile.read(length)
        self.limits = {}
        path, self.query = unquote(urlsplit(self.path).path), dict(parse_qsl(urlsplit(self.path).query))
        if path.startswith("/_fake/"):
            return self._send(200, self.fake.faults.control(path[7:], self.json()))
        self.fake.faults.note(self.command, path)
        self.limits, is_too_many = self.fake.limits.count(self.client_address[0])
        if is_too_many and not path.startswith("/log-manager/"):
            return self._send_bytes(429, b"Too many requests, please try again later.", "text/html; charset=utf-8", {})
        fault = self.fake.faults.next_for(self.command, path)
        if fault and fault["kind"] == "slow":
            time.sleep(fault["seconds"])
        elif fault and fault["kind"] == "status":
            return self._send_bytes(fault["status"], fault.get("body", "").encode(), fault.get("type", "text/html"),
                                    fault.get("headers", {}))
        try:
            if path.startswith("/log-manager/"):
                return self._send_old_log(path) if self.fake.version < (1, 4) else self._send_log()
            answer, status = self._answer(path.removeprefix("/rest-server"))
            self._send(status, answer, cut=fault is not None and fault["kind"] == "cut")
        except Refused as refused:
            self._send(refused.status, refused.body)
        return None

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, path):
        if path.startswith("/api/") and self.fake.info is not None and versions.has_route(self.fake.version, path[4:]):
            for method, pattern, private, answer in self.routes:
                match = re.fullmatch(pattern, path[4:])
                if match and method == self.command:
                    claims = self.fake.auth.claims(self.headers.get("Authorization")) if private else None
                    result = answer(self, claims, *match.groups())
                    return result, 202 if isinstance(result, dict) and result.get("status") == 202 else 200
        raise no_api(path)

    def _send(self, status, value, cut=False):
        kind = "text/yaml" if self.path.endswith("/config") and status == 200 else "application/json; charset=utf-8"
        self._send_bytes(status, json.dumps(value).encode(), kind, {}, cut)

    def _send_bytes(self, status, body, kind, headers, cut=False):
        tag = f'W/"{hashlib.md5(body).hexdigest()}"'
        if status == 200 and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and len(body) > 1024
        body = gzip.compress(body) if packed else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", tag)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in {**self.limits, **headers}.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def _send_old_log(self, path):
        """Before 1.4: /log-manager/tail or full/USER/JOB/ROLE/POD/FILE, no token, no ranges."""
        how, _, _, _, pod, _ = path.split("/")[2:]
        log = self.fake.log_of(pod)
        if log is None:
            return self._send_bytes(404, b"404 page not found", "text/plain", {})
        return self._send_bytes(200, log.read_bytes()[-TAIL if how == "tail" else 0:], "text/plain", {})

    def _send_log(self):
        until, path = self.fake.log_tokens.get(self.query.get("token"), (0, None))
        if time.time() > until:
            return self._send_bytes(403, b"Forbidden", "text/plain", {})
        text, status, headers = path.read_bytes(), 200, {"Accept-Ranges": "bytes"}
        last = re.fullmatch(r"bytes=-(\d+)", self.headers.get("Range", ""))
        first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.query.get("tail-mode") == "true":
            text, status = text[-TAIL:], 206
        elif last:
            begin = max(0, len(text) - int(last[1]))
            headers["Content-Range"] = f"bytes {begin}-{len(text) - 1}/{len(text)}"
            text, status = text[begin:], 206
        elif first and int(first[1]) >= len(text):
            return self._send_bytes(416, b"", "text/plain", {"Content-Range": f"bytes */{len(text)}"})
        elif first:
            headers["Content-Range"] = f"bytes {first[1]}-{len(text) - 1}/{len(text)}"
            text, status = text[int(first[1]):], 206
        return self._send_bytes(status, text, "text/plain", headers)


def listen(fake, host, port):
    handler = type("Bound", (Handler,), {"fake": fake, "routes": _routes(fake)})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server
