"""What editors do over SSH, step by step, with OpenSSH's client in their place."""
import base64
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab import web
from lab.agent import Agent
from lab.proc import eventually, needs_tool, processes, run
from lab.ssh import control_path


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)


# Stands for the server that an editor unpacks: announces its port, answers, outlives its parents.
SERVER = """
import http.server, os, sys
os.setsid()
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '6'); self.end_headers(); self.wfile.write(b'editor')
    def log_message(self, *_): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Hello)
open(sys.argv[1], 'w').write(f'listening on {server.server_address[1]}\\n')
server.serve_forever()
"""


class OpenRemote(unittest.TestCase):
    """open-remote-ssh: one exec without pty of about 11 kB, a server that stays, direct-tcpip to it."""

    def test_the_whole_way(self):
        needs_tool("base64")
        work = Path(tempfile.mkdtemp())
        self.assertEqual(target.ssh("uname -s").text, "Linux\n")
        script = f"""
            cat > {work}/server.py <<'END'\n{SERVER}\nEND
            nohup /usr/bin/python3 {work}/server.py {work}/log >/dev/null 2>&1 </dev/null &
            for i in $(seq 100); do [ -s {work}/log ] && break; sleep 0.05; done
            echo "start: $(cat {work}/log) :end"
            # {'x' * 8000}
        """
        packed = base64.b64encode(script.encode()).decode()
        done = target.ssh(f"echo {packed} | base64 -d | bash -l", timeout=15)
        port = int(re.search(r"start: listening on (\d+) :end", done.text)[1])
        pid = next(iter(processes(f"{work}/server.py")))
        self.addCleanup(os.kill, pid, 9)
        local = web.free_port()
        tunnel = target.start(options=["-v", "-N", "-o", "ExitOnForwardFailure=yes", "-D", f"127.0.0.1:{local}"])
        self.addCleanup(tunnel.kill)
        tunnel.wait_for("Entering interactive session")
        needs_tool("curl")
        fetch = ["curl", "-sS", "--noproxy", "", "--socks5", f"127.0.0.1:{local}", f"http://127.0.0.1:{port}/"]
        self.assertEqual(run(*fetch).text, "editor")
        tunnel.kill()
        self.assertIn(pid, processes(f"{work}/server.py"), "it outlives the connection")


class RemoteSsh(unittest.TestCase):
    """Microsoft's: `ssh -T -D PORT HOST bash`, the script on stdin, the channel kept open."""

    def test_script_on_stdin_with_a_tunnel_beside(self):
        needs_tool("curl")
        local = web.free_port()
        with web.pages() as port, target.start("bash", options=["-T", "-D", f"127.0.0.1:{local}"],
                                               stdin=subprocess.PIPE) as ssh:
            ssh.popen.stdin.write(b"echo ready-$((40+2))\n")
            ssh.popen.stdin.flush()
            ssh.wait_for("ready-42")
            for _ in range(3):
                done = run("curl", "-sS", "--noproxy", "", "--socks5", f"127.0.0.1:{local}",
                           f"http://127.0.0.1:{port}/1000")
                self.assertEqual(len(done.out), 1000)
            ssh.popen.stdin.write(b"exit 3\n")
            ssh.popen.stdin.close()
            self.assertEqual(ssh.wait(), 3)


class Gateway(unittest.TestCase):
    """JetBrains: dozens of short execs on one connection, an upload that is renamed over its elder."""

    def test_short_execs_and_an_upload(self):
        path = control_path()
        options = ["-o", f"ControlPath={path}"]
        master = target.start(options=[*options, "-M", "-N"])
        self.addCleanup(master.kill)
        eventually(lambda: os.path.exists(path), "the master listens")
        self.assertRegex(target.ssh("uname -sm", options=options).text, r"^Linux \w+\n$")
        self.assertTrue(target.ssh("echo $SHELL", options=options).text.strip())
        self.assertEqual(target.ssh("/bin/bash -lc 'echo MARK; id -u; echo MARK'", options=options).text,
                         "MARK\n0\nMARK\n")
        work = Path(tempfile.mkdtemp())
        (work / "worker").write_text("#!/bin/sh\necho old\n")
        (work / "new").write_text("#!/bin/sh\necho new\n")
        run("sftp", "-F", target.config, *options, "-b", "-", "agent",
            input=f"put {work}/new {work}/worker.tmp\nchmod 755 {work}/worker.tmp\nrename {work}/worker.tmp {work}/worker\n")
        target.ssh(f"test -x {work}/worker", options=options)
        self.assertEqual(target.ssh(f"{work}/worker", options=options).text, "new\n")
        for i in range(60):
            self.assertEqual(target.ssh(f"test -f {work}/none || echo {i}", options=options).text, f"{i}\n")


if __name__ == "__main__":
    unittest.main()
