"""Runs a task: in a container with the machine's network, or as a process."""
import os
import re
import signal
import subprocess
from pathlib import Path

from protocol import rendered

HEADER = "set -o errexit\nset -o nounset\n(set -o pipefail) 2>/dev/null && set -o pipefail\n"


def environment(job, task):
    """README section 2 of the facts: from the server, and from the runtime."""
    env = {"PAI_JOB_NAME": job.key, "PAI_FRAMEWORK_NAME": job.key, "PAI_USER_NAME": job.user,
           "PAI_USERNAME": job.user, "PAI_VIRTUAL_CLUSTER": job.cluster, "PAI_DEFAULT_FS_URI": "",
           "PAI_CURRENT_TASK_ROLE_NAME": task.role, "PAI_CURRENT_TASK_ROLE_CURRENT_TASK_INDEX": str(task.index),
           "PAI_TASK_INDEX": str(task.index), "FC_TASK_INDEX": str(task.index), "FC_TASKROLE_NAME": task.role,
           "FC_POD_UID": task.pod, "FC_FRAMEWORK_ATTEMPT_ID": str(job.attempt), "FC_TASK_ATTEMPT_ID": str(task.attempt),
           "PAI_CURRENT_CONTAINER_IP": task.ip, "PAI_CONTAINER_HOST_IP": task.ip,
           "PAI_CONTAINER_SSH_PORT": task.ports["ssh"], "PAI_TASK_ROLE_COUNT": str(len(job.roles)),
           "PAI_TASK_ROLE_INSTANCES": ",".join(f"{t.role}:{t.index}" for t in job.tasks)}
    for label, numbers in task.ports.items():
        env[f"PAI_CONTAINER_HOST_{label}_PORT_LIST"] = numbers
    for other in job.tasks:
        env[f"PAI_HOST_IP_{other.role}_{other.index}"] = other.ip
        for label, numbers in other.ports.items():
            env[f"PAI_PORT_LIST_{other.role}_{other.index}_{label}"] = numbers
            env[f"PAI_{other.role}_{other.index}_{label}_PORT"] = numbers
    return env


class Running:
    """A started task; `wait()` gives its exit code."""

    def __init__(self, popen, log, container=None, docker=None):
        self.popen, self.log, self.container, self.docker = popen, log, container, docker

    def wait(self):
        return self.popen.wait()

    def kill(self):
        if self.container:
            self.docker("rm", "-fv", self.container)
        else:
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.popen.wait()


class Runtime:
    def __init__(self, state, docker_host=None, options=(), shell=("bash",)):
        self.state, self.host, self.options, self.shell = Path(state), docker_host, list(options), list(shell)

    def docker(self, *argv, **how):
        env = {**os.environ, "DOCKER_HOST": self.host}
        return subprocess.run(["docker", *argv], env=env, capture_output=True, check=False, **how)

    def has_image(self, image):
        return not self.host or self.docker("image", "inspect", image).returncode == 0

    def prepare(self, job, task):
        directory = self.state / task.pod
        directory.mkdir(parents=True)
        directory.chmod(0o777)
        commands = [rendered(line, job.document) for line in job.document["taskRoles"][task.submitted_role]["commands"]]
        # They come through an environment variable of Kubernetes, which makes "$" of "$$" and knows "$(NAME)".
        env = environment(job, task)
        commands = [re.sub(r"\$\$|\$\((\w+)\)", lambda match: env.get(match[1], match[0]) if match[1] else "$", line)
                    for line in commands]
        (directory / "user.sh").write_text(HEADER + "\n".join(commands) + "\n")
        return directory

    def start(self, job, task):
        directory = self.prepare(job, task)
        log = directory / "log"
        env = environment(job, task)
        output = open(log, "wb")
        if not self.host:
            env["PAI_WORK_DIR"] = str(directory)
            popen = subprocess.Popen([*self.shell, directory / "user.sh"], cwd=directory, stdin=subprocess.DEVNULL,
                                     stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                     env={"PATH": os.environ["PATH"], "HOME": str(directory), **env})
            return Running(popen, log)
        env["PAI_WORK_DIR"] = "/usr/local/pai"
        name = f"fake-pai-{task.pod}"
        settings = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        script = ("if command -v bash >/dev/null; then exec bash /usr/local/pai/user.sh; "
                  "else exec sh /usr/local/pai/user.sh; fi")
        popen = subprocess.Popen(
            ["docker", "run", "--rm", "--name", name, "--network", "host", "-v", f"{directory}:/usr/local/pai",
             *settings, *self.options, "--entrypoint", "sh", task.image, "-c", script],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "DOCKER_HOST": self.host})
        return Running(popen, log, name, self.docker)
