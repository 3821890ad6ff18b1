"""What becomes a container of: commands, entrypoints, environment, limits; and each failure's sentence."""
import json
import os
import signal
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, web
from lab.client import RDEV_HOME, jobs, rdev, rdev_json, ssh, ssh_settings, start, up
from lab.proc import PLACE, eventually


def setUpModule():
    global engine
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox", 'CMD ["touch", "/image-cmd-ran"]', "ENV FROM_IMAGE=yes", "WORKDIR /var")
    images.build('FROM lab/busybox:1\nENTRYPOINT ["/lab/app", "args", "entry"]\nCMD ["image-cmd"]\n', "lab/entry:1")
    images.build("FROM lab/busybox:1\nENTRYPOINT exec /lab/app args shell-form\n", "lab/shell-entry:1")
    images.build("FROM lab/busybox:1\nRUN echo worker:x:1234:1234::/home/worker:/bin/sh >>/etc/passwd && "
                 "mkdir -p /home/worker && chown 1234:1234 /home/worker\nUSER worker\n", "lab/user:1")


class InDocker(unittest.TestCase):
    def up(self, name, *argv, image="lab/busybox:1", **how):
        return up(self, name, "--cluster", "docker", "--image", image, *argv, **how)

    def tearDown(self):
        self.doCleanups()
        left = docker.containers(), docker.volumes()
        if left[0]:
            docker.docker("rm", "-fv", *left[0])  # the next test starts clean
        self.assertEqual(left, ([], []))


class Commands(InDocker):
    def test_without_a_command_the_images_own_does_not_run(self):
        self.up("idle")
        self.assertEqual(ssh("idle", "test -e /image-cmd-ran || echo not-run; pwd").text.split()[0], "not-run")

    def test_with_a_command_the_entrypoint_comes_first(self):
        self.up("entry", "--", "mine", "and more", image="lab/entry:1")
        eventually(lambda: "<entry><mine><and more>\n" in rdev("logs", "entry").text, "the log has it")

    def test_no_entrypoint(self):
        self.up("plain", "--no-entrypoint", "--", "echo", "only this", image="lab/entry:1")
        eventually(lambda: "only this\n" in rdev("logs", "plain").text, "the log has it")

    def test_shell_form_entrypoint(self):
        self.up("shellform", "--", "x", image="lab/shell-entry:1")
        eventually(lambda: "<shell-form>" in rdev("logs", "shellform").text, "the log has it")

    def test_the_command_runs_where_the_image_says(self):
        self.up("cwd", "--", "pwd")
        eventually(lambda: "/var\n" in rdev("logs", "cwd").text, "the log has it")

    def test_exit_with_command(self):
        path = Path(tempfile.mkdtemp()) / "t.yaml"
        path.write_text("exit_with_command: true\n")
        self.up("ends", "--template", path, "--", "sh", "-c", "sleep 0.5; exit 7", code=None)
        eventually(lambda: not json.loads(docker.docker("inspect", docker.container_of("ends")).text)[0]["State"]["Running"],
                   "the container ends with it")
        status = rdev("status", "ends", code=None)
        self.assertIn("7", status.text + status.errors)

    def test_orphans_in_the_container_are_reaped(self):
        self.up("orphans")
        out = ssh("orphans", "for i in 1 2 3; do (sleep 0.1 &); done; sleep 0.4; ps -o stat,args | grep -c '^Z'", code=None)
        self.assertEqual(out.text.strip(), "0")


class Settings(InDocker):
    def test_environment(self):
        self.up("env", "--env", "A=with space", "--env", "FROM_IMAGE=changed", "--env", "EMPTY=")
        self.assertEqual(ssh("env", 'echo "$A|$FROM_IMAGE|${EMPTY-unset}"').text, "with space|changed|\n")
        self.assertEqual(ssh("env", "echo $FROM_IMAGE", options=["-tt"]).text.strip(), "changed")

    def test_mounts(self):
        there = Path(tempfile.mkdtemp(dir=PLACE / "tmp"))
        (there / "in").write_text("seen")
        self.up("mounts", "--mount", f"{there}:/data", "--mount", f"{there}:/ro:ro")
        self.assertEqual(ssh("mounts", "cat /data/in; echo out >/data/out; touch /ro/x 2>/dev/null || echo read-only").text,
                         "seenread-only\n")
        self.assertEqual((there / "out").read_text(), "out\n")

    def test_limits(self):
        self.up("limits", "--memory", "96m", "--cpus", "0.5")
        host = docker.inspect(docker.container_of("limits"))["HostConfig"]
        self.assertEqual((host["Memory"], host["NanoCpus"]), (96 << 20, 500_000_000))

    def test_users(self):
        for user, expected in (("1234", "1234 0"), ("1234:4321", "1234 4321"), ("worker", "1234 1234")):
            with self.subTest(user):
                self.up("user", "--user", user, image="lab/user:1")
                self.assertEqual(ssh("user", "echo $(id -u) $(id -g)").text.split()[0], expected.split()[0])
                rdev("down", "user")

    def test_the_images_user(self):
        self.up("worker", image="lab/user:1")
        self.assertEqual(ssh("worker", "id -un; echo $HOME").text, "worker\n/home/worker\n")

    def test_published_on_loopback_only(self):
        self.up("ports")
        bindings = docker.inspect(docker.container_of("ports"))["NetworkSettings"]["Ports"]
        addresses = {b["HostIp"] for list_ in bindings.values() for b in list_ or []}
        self.assertEqual(addresses, {"127.0.0.1"})

    def test_nothing_of_ours_in_the_way(self):
        """What the agent brings is below /.rdev and not in the environment."""
        self.up("clean")
        self.assertNotIn("RDEV", ssh("clean", "env").text)
        diff = {line.split()[1] for line in docker.docker("diff", docker.container_of("clean")).text.splitlines()}
        self.assertLessEqual(diff, {"/.rdev", "/root"}, diff)


class Life(InDocker):
    def test_reattach_and_state_lost(self):
        import shutil
        self.up("kept", "--env", "WHICH=first")
        container = docker.container_of("kept")
        self.up("kept")
        self.assertEqual(docker.container_of("kept"), container)
        shutil.rmtree(RDEV_HOME / "state")
        self.assertIn("kept", jobs("--all"), rdev("ls", "--all"))
        self.up("kept")
        self.assertEqual(docker.container_of("kept"), container)
        self.assertEqual(ssh("kept", "echo $WHICH").text, "first\n")
        shutil.rmtree(RDEV_HOME / "state")
        rdev("down", "kept", "--cluster", "docker", code=None)
        rdev("down", "kept", code=None)

    def test_all_goes_with_down_all(self):
        for name in ("a1", "a2"):
            self.up(name)
        rdev("down", "--all")
        self.assertEqual(docker.containers(), [])

    def test_json(self):
        answer = json.loads(self.up("json", "--json").text)
        self.assertEqual((answer["name"], answer["cluster"]), ("json", "docker"))
        self.assertEqual(rdev_json("status", "json")["name"], "json")
        self.assertIn("json", jobs())

    def test_lifetime(self):
        self.up("short", "--ttl", "2s")
        container = docker.container_of("short")
        eventually(lambda: not docker.inspect(container)["State"]["Running"], "its lifetime is over")

    def test_killed_up_is_cleaned_by_the_next_command(self):
        import time
        for moment in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6):
            with self.subTest(moment):
                process = start("up", "killed", "--cluster", "docker", "--image", "lab/busybox:1")
                time.sleep(moment)
                process.kill()
                ssh_settings("rdev-killed")
                if "killed" in jobs():
                    rdev("down", "killed")

                def nothing_left():
                    # What the engine was just asked for may come into being after we looked.
                    return jobs() == {} and docker.containers() == [] and docker.volumes() == []
                eventually(nothing_left, "nothing is left", timeout=20)

    def test_killed_up_whose_container_comes_late(self):
        slow = docker.SlowEngine(engine.socket)
        env = {"DOCKER_HOST": f"unix://{slow.path}"}
        process = start("up", "late", "--cluster", "docker", "--image", "lab/busybox:1", env=env)
        self.assertTrue(slow.asked.wait(20))
        process.kill()
        rdev("ls", env=env)  # comes too early
        slow.go_on.set()
        eventually(docker.containers, "the engine has made it")

        def nothing_left():
            rdev("ls", env=env)
            return docker.containers() == [] and docker.volumes() == []
        eventually(nothing_left, "nothing is left", timeout=20)

    def test_control_c(self):
        import time
        for moment in (0.02, 0.1, 0.2, 0.3, 0.4):
            with self.subTest(moment):
                process = start("up", "stopped", "--cluster", "docker", "--image", "lab/busybox:1")
                time.sleep(moment)
                process.signal(signal.SIGINT)
                code = process.wait()
                self.assertIn(code, (0, 130, -2), process.output)
                process.kill()
                if code == 0:
                    rdev("down", "stopped")
                self.assertEqual((docker.containers(), docker.volumes()), ([], []))
                self.assertEqual(jobs(), {})


class Failures(InDocker):
    def failure(self, *argv, code=1, env=None):
        done = rdev("up", "fails", "--cluster", "docker", *argv, code=code, env=env)
        self.assertTrue(done.errors.strip())
        self.assertEqual(jobs(), {})
        self.assertEqual(docker.containers(), [])
        return done.errors

    def test_no_docker(self):
        errors = self.failure("--image", "lab/busybox:1", env={"DOCKER_HOST": f"unix://{PLACE}/nothing.sock"})
        self.assertIn("nothing.sock", errors)

    def test_image_missing(self):
        self.assertIn("localhost:1/no/such:1", self.failure("--image", "localhost:1/no/such:1"))

    def test_bad_image_name(self):
        self.failure("--image", "Not A Name!", code=None)

    def test_port_taken(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            errors = self.failure("--image", "lab/busybox:1", "--publish", f"127.0.0.1:{port}")
        self.assertIn(str(port), errors)

    def test_publish_where_it_says(self):
        port = web.free_port()
        self.up("published", "--publish", f"127.0.0.1:{port}")
        ssh("published", "true")
        bindings = docker.inspect(docker.container_of("published"))["NetworkSettings"]["Ports"]
        self.assertIn(str(port), json.dumps(bindings))

    def test_user_missing(self):
        self.failure("--image", "lab/busybox:1", "--user", "no-such-user", code=2)

    def test_mount_missing(self):
        self.assertIn("/no/such/directory", self.failure("--image", "lab/busybox:1", "--mount", "/no/such/directory:/x", code=2))

    def test_command_missing(self):
        self.up("missing", "--", "/no/such/command", code=None)
        logs = rdev("logs", "missing", code=None)
        self.assertIn("/no/such/command", logs.text + logs.errors)

    def test_no_gpu(self):
        self.failure("--image", "lab/busybox:1", "--gpus", "all", code=None)

    def test_container_stopped(self):
        self.up("halted")
        docker.docker("stop", "-t", "1", docker.container_of("halted"))
        self.dead("halted")

    def test_container_removed(self):
        self.up("removed")
        docker.docker("rm", "-fv", docker.container_of("removed"))
        self.dead("removed")

    def test_agent_killed(self):
        self.up("shot")
        os.kill(docker.inspect(docker.container_of("shot"))["State"]["Pid"], signal.SIGKILL)
        eventually(lambda: rdev("up", "shot", code=None).code != 0, "it is dead")
        self.dead("shot")

    def dead(self, name):
        done = rdev("up", name, code=1)
        self.assertIn(f"rdev down {name}", done.errors)
        done = ssh(name, "true", code=255)
        self.assertTrue(done.errors.strip())
        rdev("down", name)
        self.assertEqual(docker.containers(), [])


if __name__ == "__main__":
    unittest.main()
