"""Jobs and their lives: WAITING, RUNNING, and how they end."""
import hashlib
import math
import threading
import time
import uuid

import ports
import protocol
import versions
from errors import Refused, invalid_parameter, no_job

FINAL = ("SUCCEEDED", "FAILED", "STOPPED")
STOPPED_CODE = -210
# Of the list of jobs: the query's key, and the field of a job it is about.
FILTERS = {"username": "username", "vc": "virtualCluster", "state": "state", "jobPriority": "jobPriority"}
ORDERS = {"jobName": "name", "submissionTime": "submissionTime", "username": "username", "vc": "virtualCluster", "retries": "retries",
          "totalTaskNumber": "totalTaskNumber", "totalGpuNumber": "totalGpuNumber", "state": "state",
          "completionTime": "completedTime", "jobPriority": "jobPriority"}
COMPLETED_CODE = -220  # of a task that was ended because another one ended the attempt


def now_ms():
    return int(time.time() * 1000)


def _iso(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03}Z"


def exit_spec(code):
    """As the runtime explains an exit code."""
    if code == STOPPED_CODE:
        return {"code": code, "phrase": "StopFrameworkRequested", "issuer": "PAI_FC", "causer": "USER_STOP",
                "type": "USER_STOP", "stage": "UNKNOWN", "behavior": "PERMANENT", "reaction": "NEVER_RETRY",
                "reason": "User has requested to stop the job", "repro": ["Stop a job"]}
    if code == COMPLETED_CODE:
        return {**exit_spec(STOPPED_CODE), "code": code, "phrase": "FrameworkAttemptCompletion"}
    if code == 0:
        return {"code": 0, "phrase": "Succeeded", "issuer": "USER_CONTAINER", "causer": "USER_CONTAINER",
                "type": "USER_SUCCESS", "stage": "COMPLETING", "behavior": "UNKNOWN", "reaction": "NEVER_RETRY",
                "repro": ["User program exits with exitcode 0"]}
    return {"code": code, "phrase": "PAIRuntimeUnknownFailed", "issuer": "PAI_RUNTIME", "causer": "UNKNOWN",
            "type": "UNKNOWN_FAILURE", "stage": "UNKNOWN", "behavior": "UNKNOWN", "reaction": "RETRY_TO_MAX",
            "reason": "User command failed but the failure cannot be recognized by PAI Runtime",
            "repro": [f"User program directly exits with exitcode {code}"],
            "solution": ["Check container log and find root cause", "Wait result from next retry"]}


class Task:
    used_ports = set()

    def __init__(self, role, submitted_role, index, image, wanted_ports, ip):
        self.role, self.submitted_role, self.index, self.image = role, submitted_role, index, image
        self.wanted_ports, self.ip = wanted_ports, ip
        self.uid = str(uuid.uuid4())
        self.attempt = -1
        self.begin_attempt()

    def begin_attempt(self):
        self.attempt += 1
        self.pod, self.ports = self._fresh_pod()
        self.state, self.exit_code, self.running = "WAITING", None, None
        self.created, self.launched, self.completed = now_ms(), None, None

    def _fresh_pod(self):
        """One whose hashed ports nobody had: where they collide, the platform tries another pod (exit code 253)."""
        while True:
            pod = str(uuid.uuid4())
            hashed = ports.ports(pod, self.wanted_ports)
            numbers = [number for text in hashed.values() for number in text.split(",")]
            if len(set(numbers)) == len(numbers) and not set(numbers) & Task.used_ports:
                Task.used_ports.update(numbers)
                return pod, hashed

    def body(self, job):
        final = self.state in FINAL
        return versions.shown(job.fake.version, {
            "taskIndex": self.index, "taskUid": self.uid, "taskState": self.state, "containerId": self.pod,
            "containerIp": None if self.state == "WAITING" else self.ip,
            "containerNodeName": None if self.state == "WAITING" else "node1", "containerPorts": self.ports,
            "containerGpus": None,
            "containerLog": versions.log_address(job.fake.version, job.fake.url, job, self),
            "containerExitCode": self.exit_code, "containerExitSpec": exit_spec(self.exit_code) if final else None,
            "containerExitDiagnostics": None, "retries": self.attempt, "accountableRetries": self.attempt,
            "createdTime": self.created, "launchedTime": self.launched, "completedTime": self.completed,
            "attemptId": self.attempt, "attemptState": self.state, "currentAttemptCreatedTime": self.created,
            "currentAttemptLaunchedTime": self.launched, "currentAttemptCompletedTime": self.completed})


class Job:
    """Its thread is its life; `changed` guards and announces everything in it."""

    def __init__(self, fake, user, document):
        self.fake, self.user, self.document = fake, user, document
        self.name = document["name"]
        self.key = f"{user}~{self.name}"
        self.cluster = document.get("defaults", {}).get("virtualCluster", "default")
        self.debug_id = hashlib.md5(self.key.encode()).hexdigest()
        self.roles = {protocol.role_name(name): name for name in document["taskRoles"]}
        self.submitted = now_ms()
        self.state, self.sub_state = "WAITING", "AttemptCreationPending"
        self.attempt, self.tasks, self.events = None, [], []
        self.launched = self.completed = self.exit_code = None
        self.wants_stop = self.failed = False
        self.tags, self.priority, self.lost_tasks = [], None, 0
        self.gpus = sum(role["instances"] * role["resourcePerInstance"]["gpu"] for role in document["taskRoles"].values())
        self.history = []  # what detail() said of each attempt before this one
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._live, daemon=True)

    def _image(self, role):
        name = self.document["taskRoles"][role]["dockerImage"]
        return next(p["uri"] for p in self.document["prerequisites"] if p["type"] == "dockerimage" and p["name"] == name)

    def _pause(self, name):
        """The delay NAME, or less when the job is to stop."""
        end = time.monotonic() + self.fake.delays[name]
        with self.changed:
            while not self.wants_stop and time.monotonic() < end:
                self.changed.wait(end - time.monotonic())

    def _event(self, kind, reason, message, task=None):
        ms = now_ms()
        first = task or (self.tasks[0] if self.tasks else None)
        self.events.append({
            "uid": str(uuid.uuid4()), "frameworkName": self.debug_id, "podUid": first.pod if first else "",
            "taskroleName": first.role if first else "", "taskName": f"x-{first.role}-{first.index}" if first else "",
            "taskIndex": first.index if first else 0, "type": kind, "reason": reason, "message": message,
            "firstTimestamp": _iso(ms), "lastTimestamp": _iso(ms), "count": 1,
            "sourceComponent": "default-scheduler" if reason == "FailedScheduling" else "kubelet", "sourceHost": None})

    def _live(self):
        self._pause("created")
        self.attempt = 0
        for role, submitted in self.roles.items():
            wanted = self.document["taskRoles"][submitted]["resourcePerInstance"].get("ports", {})
            for index in range(self.document["taskRoles"][submitted]["instances"]):
                self.tasks.append(Task(role, submitted, index, self._image(submitted), wanted, self.fake.node_ip))
        self.sub_state = "AttemptPreparing"
        retries_left = self.document.get("jobRetryCount", 0)
        while True:
            self._run_attempt()
            codes = [task.exit_code for task in self.tasks if task.exit_code not in (None, COMPLETED_CODE)]
            self.exit_code = STOPPED_CODE if self.wants_stop else next((c for c in codes if c), 0)
            lost = self.lost_tasks > 0
            if self.wants_stop or self.exit_code == 0 or (retries_left == 0 and not lost):
                break
            if lost:
                self.lost_tasks -= 1
            else:
                retries_left -= 1
            self.history.append(self.detail())
            with self.changed:
                self.attempt += 1
                self.state, self.sub_state, self.exit_code = "WAITING", "AttemptPreparing", None
                for task in self.tasks:
                    task.begin_attempt()
        with self.changed:
            self.completed = now_ms()
            self.sub_state = "Completed"
            self.state = ("STOPPED" if self.wants_stop else "SUCCEEDED" if self.exit_code == 0 else "FAILED")
            self.changed.notify_all()

    def _wait_for_room(self):
        gpus = sum(self.document["taskRoles"][t.submitted_role]["resourcePerInstance"]["gpu"] for t in self.tasks)
        with self.changed:
            while gpus > self.fake.free_gpus and not self.wants_stop:
                if not self.events:
                    self._event("Warning", "FailedScheduling", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
                self.changed.wait(0.2)

    def _wait_for_images(self):
        for task in self.tasks:
            self._event("Normal", "Pulling", f'Pulling image "{task.image}"', task)
            if self.fake.runtime.has_image(task.image):
                continue
            self._event("Warning", "Failed", f'Failed to pull image "{task.image}": rpc error: code = NotFound desc = '
                                             f'failed to resolve reference "{task.image}": not found', task)
            self._event("Normal", "BackOff", f'Back-off pulling image "{task.image}"', task)
            with self.changed:
                while not self.wants_stop and not self.fake.runtime.has_image(task.image):
                    self.changed.wait(0.5)

    def _run_attempt(self):
        self._wait_for_room()
        self._pause("preparing")
        self._wait_for_images()
        if self.wants_stop:
            return
        with self.changed:
            self.failed = False  # one of them
            for task in self.tasks:
                task.running = self.fake.runtime.start(self, task)
                task.state, task.launched = "RUNNING", now_ms()
            self.state, self.sub_state = "RUNNING", "AttemptRunning"
            self.launched = self.launched or now_ms()
            self.changed.notify_all()
        waiters = [threading.Thread(target=self._wait_for, args=(task,), daemon=True) for task in self.tasks]
        for waiter in waiters:
            waiter.start()
        for waiter in waiters:
            waiter.join()

    def _wait_for(self, task):
        code = task.running.wait()
        with self.changed:
            stopped = STOPPED_CODE if self.wants_stop else COMPLETED_CODE if self.failed else None
            task.exit_code = stopped or (128 - code if code < 0 else code)
            task.state = "STOPPED" if stopped else "FAILED" if code else "SUCCEEDED"
            task.completed = now_ms()
            others = [t for t in self.tasks if t is not task and t.running and t.state == "RUNNING"]
            self.failed = self.failed or code != 0
        if code and not stopped:  # completion's default: one that fails ends them all
            for other in others:
                other.running.kill()

    def stop(self):
        with self.changed:
            if self.state in FINAL:
                return
            self.wants_stop = True
            self.state, self.sub_state = "STOPPING", "AttemptDeletionPending"
            self.changed.notify_all()
            running = [task.running for task in self.tasks if task.running and task.state == "RUNNING"]
        for one in running:
            one.kill()

    def lose_node(self):
        """Of all its tasks: a new attempt with other ports."""
        with self.changed:
            self.lost_tasks += 1
            running = [task.running for task in self.tasks if task.running]
        for one in running:
            one.kill()

    def summary(self):
        return {"debugId": self.debug_id, "name": self.name, "username": self.user, "state": self.state,
                "subState": self.sub_state, "executionType": "STOP" if self.wants_stop else "START", "tags": self.tags,
                "retries": self.attempt or 0, "retryDetails": {"user": 0, "platform": 0, "resource": 0},
                "retryDelayTime": None, "submissionTime": self.submitted // 1000 * 1000, "createdTime": self.submitted,
                "launchedTime": self.launched, "completedTime": self.completed, "appExitCode": self.exit_code,
                "virtualCluster": self.cluster, "totalGpuNumber": self.gpus, "totalTaskNumber": len(self.tasks),
                "totalTaskRoleNumber": len(self.roles), "jobPriority": self.priority}

    def detail(self):
        final = self.state in FINAL
        status = {"username": self.user, "state": self.state, "subState": self.sub_state,
                  "executionType": "STOP" if self.wants_stop else "START", "retries": self.attempt or 0,
                  "retryDetails": {"user": 0, "platform": 0, "resource": 0}, "retryDelayTime": None,
                  "createdTime": self.submitted, "launchedTime": self.launched, "completedTime": self.completed,
                  "attemptState": self.state, "appProgress": 1 if final else 0, "appTrackingUrl": "",
                  "appCreatedTime": self.submitted, "appLaunchedTime": self.launched,
                  "appCompletedTime": self.completed, "appExitCode": self.exit_code if final else None,
                  "appExitSpec": exit_spec(self.exit_code) if final else None, "appExitDiagnostics": None,
                  "appExitMessages": {"container": None, "runtime": None, "launcher": None} if final else None,
                  "appExitTriggerMessage": None, "appExitTriggerTaskRoleName": None, "appExitTriggerTaskIndex": None,
                  "appExitType": self.state.capitalize() if final else None, "virtualCluster": self.cluster,
                  "submissionTime": self.submitted // 1000 * 1000}
        if self.attempt is not None:
            status.update(attemptId=self.attempt, appId=f"{self.attempt}_{self.debug_id}")
        roles = {}
        for task in self.tasks:
            role = roles.setdefault(task.role, {"taskRoleStatus": {"name": task.role}, "taskStatuses": []})
            role["taskStatuses"].append(task.body(self))
        return {"debugId": self.debug_id, "name": self.name, "tags": self.tags,
                "jobStatus": versions.shown(self.fake.version, status), "taskRoles": roles}

    def attempt_detail(self, number):
        if number == self.attempt:
            return self.detail()
        if number < len(self.history):
            return self.history[number]
        raise no_job(self.key)

    def config(self):
        return {**self.document, **({"secrets": "******"} if "secrets" in self.document else {})}


class Jobs:
    def __init__(self, fake):
        self.fake, self.by_key, self.lock = fake, {}, threading.Lock()

    def submit(self, user, document):
        record = self.fake.auth.users[user]
        cluster = document.get("defaults", {}).get("virtualCluster", "default")
        if cluster not in record["virtualCluster"]:
            raise Refused(403, "ForbiddenUserError", f"User {user} is not allowed to do operation in {cluster}")
        for storage in (document.get("extras") or {}).get("storages") or []:
            if storage.get("name") and storage["name"] not in self.fake.storages:
                raise Refused(404, "NoStorageError", f"Storage {storage['name']} is not found.")
        with self.lock:
            job = Job(self.fake, user, document)
            if job.key in self.by_key:
                raise Refused(409, "ConflictJobError", f"Job {job.key} already exists.")
            self.by_key[job.key] = job
        job.thread.start()
        return {"status": 202, "message": f"Update job {job.name} for user {user} successfully."}

    def get(self, key):
        if key not in self.by_key:
            raise no_job(key)
        return self.by_key[key]

    def execute(self, key, claims, body):
        job = self.get(key)
        if body.get("value") not in ("STOP", "START"):
            raise invalid_parameter("value", "must be one of [STOP, START]")
        if claims["username"] != job.user and not claims["admin"]:
            raise Refused(403, "ForbiddenUserError", f"User {claims['username']} is not allowed to execute job {key}.")
        if body["value"] == "STOP":
            threading.Thread(target=job.stop, daemon=True).start()
        return {"status": 202, "message": f"Execute job {key} successfully."}

    def seed(self, user, count):
        """Jobs that have ended, the first of them longest ago."""
        template = {"protocolVersion": 2, "type": "job", "taskRoles": {"main": {"instances": 1, "resourcePerInstance": {"gpu": 0}}}}
        for i in range(count):
            job = Job(self.fake, user, {**template, "name": f"old-{i:05}", "defaults": {"virtualCluster": "vc1" if i % 2 else "default"}})
            job.state, job.sub_state, job.attempt = FINAL[i % 3], "Completed", 0
            job.exit_code = {"SUCCEEDED": 0, "FAILED": 1, "STOPPED": STOPPED_CODE}[job.state]
            job.submitted = now_ms() - (count - i) * 60000
            job.launched, job.completed = job.submitted + 1000, job.submitted + 30000
            job.gpus, job.tags = i % 8, ["even"] if i % 2 == 0 else ["odd", "strange"]
            job.priority = ("prod", "test", "oppo")[i % 3]
            with self.lock:
                self.by_key[job.key] = job

    def list(self, query):
        try:
            offset, limit = int(query.get("offset", 0)), int(query.get("limit", 5000))
        except ValueError as error:
            raise Refused(500, "", 'column "nan" does not exist') from error
        if limit > 50000:
            raise Refused(400, "InvalidParametersError", "Limit exceeds max number 50000.")
        with self.lock:
            jobs = list(self.by_key.values())
        rows = sorted((job.summary() for job in jobs), key=lambda row: -row["createdTime"])
        if self.fake.version < (1, 2):  # no filters, no pages
            return [versions.shown(self.fake.version, row) for row in rows if query.get("username", row["username"]) == row["username"]]

        def some(key):
            return query[key].split(",") if query.get(key) else None

        def wanted(row):
            word = query.get("keyword", "")
            return (all(not some(key) or row[field] in some(key) for key, field in FILTERS.items())
                    and (not some("tagsContain") or set(some("tagsContain")) & set(row["tags"]))
                    and not set(some("tagsNotContain") or ()) & set(row["tags"])
                    and any(word in row[field] for field in ("name", "username", "virtualCluster")))
        rows = [row for row in rows if wanted(row)]
        field, _, way = query.get("order", "").partition(",")
        if field in ORDERS and way in ("ASC", "DESC"):  # anything else is ignored
            rows.sort(key=lambda row: (row[ORDERS[field]] is not None, row[ORDERS[field]]), reverse=way == "DESC")
        page = rows[offset:offset + (limit if limit >= 0 else math.inf)]
        return {"totalCount": len(rows), "data": page} if query.get("withTotalCount") == "true" else page

    def end_all(self):
        for job in list(self.by_key.values()):
            job.stop()
        for job in list(self.by_key.values()):
            job.thread.join(10)
