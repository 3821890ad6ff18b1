"""How the agent comes into a job of OpenPAI without the stub: fetched, in a storage, or in the image.
Each job's PATH has only the tools that its test names."""
import http.server
import shutil
import tempfile
import unittest
from pathlib import Path

from lab.client import agents, jobs, rdev, up
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import PLACE, eventually, needs_tool, program, run
from lab.root import BUSYBOX
from lab.web import ThreadedServer, serving

AGENT = Path(program("rdev-agent"))
why_of_the_fake = "the fake's tasks run in a shell that is made for the test"
SHELLS = {"bash": "/bin/bash", "dash": "/bin/dash", "busybox": f"{BUSYBOX} sh"}
TRACE = PLACE / "trace"  # of a program that must not run
OTHER = f"#!/bin/sh\n/bin/echo run >>{TRACE}\n"


class Files(http.server.BaseHTTPRequestHandler):
    clients = []  # who asked for the agent

    def do_GET(self):  # noqa: N802 (the base class names it)
        pages = {"/agent?v=1": AGENT.read_bytes, "/other": OTHER.encode, "/cut": lambda: AGENT.read_bytes()[:-1000]}
        if self.path not in pages:
            self.send_error(404)
            return
        self.clients.append(self.headers.get("User-Agent", "none"))
        body = pages[self.path]()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 1000 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def setUpModule():
    global pai, shell, url
    shell = PLACE / "shell"
    shell.touch(0o755)
    pai = OpenPai(shell=str(shell))
    unittest.addModuleCleanup(pai.stop)
    rdev("cluster", "add", "pai", "--url", pai.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
    port = unittest.enterModuleContext(serving(ThreadedServer(("127.0.0.1", 0), Files)))
    url = f"http://127.0.0.1:{port}"


class Rungs(unittest.TestCase):
    def tearDown(self):
        self.doCleanups()
        self.assertEqual(jobs(), {})
        eventually(lambda: not agents(), "no agent is left")
        self.assertFalse(TRACE.exists(), "a program that is not the agent ran")

    def jobs_have(self, *names, shell_name="dash", basics=("cat", "chmod", "rm", "sha256sum")):
        """The next job's shell, and all the tools that it finds; gives the directory of these."""
        tools = Path(tempfile.mkdtemp())
        for name in (*basics, *names):
            found = shutil.which(needs_tool(name), path="/usr/bin:/bin")
            (tools / name).symlink_to(found)
        shell.write_text(f'#!/bin/sh\nexec /usr/bin/env PATH={tools} {SHELLS[shell_name]} "$@"\n')
        return tools

    def works(self, rung):
        up(self, "rung", "--cluster", "pai", "--inject", rung)
        directory = Path(rdev("exec", "rung", "--", "/bin/printenv", "PAI_WORK_DIR").text.strip())
        self.assertEqual([path.name for path in directory.iterdir() if path.name.startswith(".rdev-agent")], [])
        rdev("down", "rung")

    def refused(self, rung):
        return rdev("up", "rung", "--cluster", "pai", "--inject", rung, code=1).errors


class Url(Rungs):
    # What fetches, and how it calls itself; bash's own way has no name.
    CLIENTS = {"curl": "curl/", "wget": "Wget", "python3": "Python-urllib", "perl": "HTTP-Tiny", "bash": "none", "busybox": "Wget"}

    def each(self, check, **tools):
        """check(tool) in jobs of each shell that find nothing else that fetches. Busybox and bash are their own tools."""
        for shell_name, names in tools.items():
            for tool in names.split():
                with self.subTest(shell_name, tool=tool):
                    self.jobs_have(*[tool] if tool not in SHELLS else [], shell_name=shell_name)
                    check(tool)

    def test_fetched(self):
        def check(tool):
            Files.clients.clear()
            self.works(f"url:{url}/agent?v=1")
            self.assertEqual(len(Files.clients), 1)
            self.assertIn(self.CLIENTS[tool], Files.clients[0])
        self.each(check, bash="curl wget python3 perl bash", dash="curl wget python3 perl", busybox="curl busybox")

    def test_not_there(self):
        for where in (f"{url}/none", "http://127.0.0.1:1/agent"):
            def check(_, where=where):
                said = self.refused(f"url:{where}")
                self.assertIn(f"rdev: cannot fetch {where}: see", said)
                self.assertIn("or use --inject stub", said)
            self.each(check, bash="curl wget python3 perl bash", busybox="busybox")

    def test_cut_short(self):
        def check(tool):
            what = "rdev: {}/cut is not the agent of this rdev" if tool == "bash" else "rdev: cannot fetch {}/cut"
            self.assertIn(what.format(url), self.refused(f"url:{url}/cut"))
        self.each(check, bash="curl wget python3 perl bash", busybox="busybox")

    def test_another_program_is_not_run(self):
        def check(_):
            self.assertIn(f"{url}/other is not the agent of this rdev", self.refused(f"url:{url}/other"))
        self.each(check, bash="curl bash", dash="curl", busybox="curl")

    def test_nothing_that_fetches(self):
        self.jobs_have()
        said = self.refused(f"url:{url}/agent")
        self.assertIn("nothing to fetch with", said)
        self.assertIn("use --inject stub", said)

    def test_bash_and_https(self):
        self.jobs_have(shell_name="bash")
        self.assertIn("http:// only, with bash: use --inject stub", self.refused("url:https://127.0.0.1/agent"))

    def test_a_retried_attempt_fetches_anew(self):
        self.jobs_have("curl")
        up(self, "rung", "--cluster", "pai", "--inject", f"url:{url}/agent?v=1")
        pod = rdev("exec", "rung", "--", "/bin/printenv", "FC_POD_UID").text
        key = next(key for key, state in pai.control("jobs").items() if state == "RUNNING")
        pai.control("lose_node", job=key)
        eventually(lambda: rdev("exec", "rung", "--", "/bin/printenv", "FC_POD_UID", code=None).text not in ("", pod),
                   "it answers from another pod", timeout=40)


class InAFile(Rungs):
    def agent(self, directory=None, name="rdev-agent", mode=0o755):
        path = Path(directory or tempfile.mkdtemp()) / name
        shutil.copy(AGENT, path)
        path.chmod(mode)
        return path

    def test_each_shell(self):
        path = self.agent(name="an agent's $$(HOME) $$ copy")
        for shell_name in SHELLS:
            with self.subTest(shell_name):
                self.jobs_have(shell_name=shell_name)
                self.works(f"path:{path}")

    def test_each_way_to_check(self):
        path = self.agent()
        for tool in ("sha256sum", "shasum", "openssl", "python3"):
            with self.subTest(tool):
                self.jobs_have(tool, basics=("cat", "chmod", "rm"))
                self.works(f"path:{path}")
        self.jobs_have(basics=("cat", "chmod", "rm"))
        said = self.refused(f"path:{path}")
        self.assertIn("nothing to check with", said)
        self.assertIn("use --inject stub", said)

    def test_not_executable(self):
        self.jobs_have()
        self.works(f"path:{self.agent(mode=0o644)}")

    def test_on_a_mount_without_exec(self):
        storage = tempfile.mkdtemp()
        run("mount", "-t", "tmpfs", "-o", "noexec", "none", storage)
        path = self.agent(storage)
        self.assertEqual(run("sh", "-c", f"{path} --version", code=None).code, 126)
        for shell_name in SHELLS:
            with self.subTest(shell_name):
                self.jobs_have(shell_name=shell_name)
                self.works(f"path:{path}")

    def test_missing(self):
        self.jobs_have()
        for path in ("/nonexistent/rdev-agent", "/tmp"):
            self.assertIn(f"this container has no file {path}", self.refused(f"path:{path}"))

    def test_another_program_is_not_run(self):
        path = Path(tempfile.mkdtemp()) / "other"
        path.write_text(OTHER)
        path.chmod(0o755)
        for shell_name in SHELLS:
            with self.subTest(shell_name):
                self.jobs_have(shell_name=shell_name)
                for rung in (f"path:{path}", f"image:{path}"):
                    self.assertIn(f"{path} is not the agent of this rdev", self.refused(rung))

    def test_in_the_images_path(self):
        tools = self.jobs_have()
        self.assertIn("the image has no rdev-agent in its PATH", self.refused("image"))
        self.agent(tools)
        self.works("image")


if __name__ == "__main__":
    unittest.main()
