"""What servers before 1.8 do not have, or have elsewhere."""
import re

# From and until (exclusively) which version there is a route; the path is that behind /api.
ROUTES = [
    (r"/v2/(info|tokens/.*|users/.*|virtual-clusters|storages(/.*)?|cluster/.*)", (1, 0), None),
    (r"/v1/?", None, (1, 1)),
    (r"/v1/virtual-clusters", None, (1, 1)),
    (r"/v1/user/.*", None, (2, 0)),
    (r"/v2/jobs/[^/]+/(events|attempts/\d+)", (1, 3), None),
    (r"/v2/jobs/.*/logs", (1, 4), None),
]
# What a job's status and a task's have since when.
SINCE = {"tags": (1, 3), "jobPriority": (1, 8), "submissionTime": (1, 2), "launchedTime": (1, 3), "attemptId": (1, 3), "attemptState": (1, 3), "appCreatedTime": (1, 3),
         "containerNodeName": (1, 1), "taskUid": (1, 3), "containerExitSpec": (1, 3), "containerExitDiagnostics": (1, 3),
         "currentAttemptCreatedTime": (1, 3), "currentAttemptLaunchedTime": (1, 3), "currentAttemptCompletedTime": (1, 3)}


def parse(text):
    """(1, 8) of "v1.8.1"."""
    return tuple(int(number) for number in re.findall(r"\d+", text or "")[:2])


def has_route(version, path):
    for pattern, first, end in ROUTES:
        if re.fullmatch(pattern, path):
            return (not first or version >= first) and (not end or version < end)
    return True


def shown(version, status):
    """A task's or a job's status as this version shows it."""
    status = {key: value for key, value in status.items() if SINCE.get(key, (0,)) <= version}
    if version < (1, 1) and "containerPorts" in status:  # numbers, the first of each
        status["containerPorts"] = {label: int(numbers.split(",")[0]) for label, numbers in status["containerPorts"].items()}
    return status


def log_address(version, base, job, task):
    if version >= (1, 4):
        return (f"/api/v2/jobs/{job.key}/attempts/{job.attempt}/taskRoles/{task.role}"
                f"/taskIndex/{task.index}/attempts/{task.attempt}/logs")
    return f"{base}/log-manager/tail/{job.user}/{job.debug_id}/{task.role}/{task.pod}/"
