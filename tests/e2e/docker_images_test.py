"""Any image, any user, nothing to write on: `rdev up --cluster docker`, stock ssh and scp, a tunnel.

needs a real dockerd (lab/docker.py); images are made by lab/images.py.
"""
# needs: bookworm
import tempfile
import unittest
from pathlib import Path

from lab import docker, images, tree, web
from lab.client import jobs, rdev, ssh, up
from lab.proc import PLACE, Process, run


def setUpModule():
    global engine
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    unittest.addModuleCleanup(engine.stop)
    for kind in images.KINDS:
        images.load(kind, 'CMD ["/no/such/command"]')


def template(**keys):
    """A template file with these keys."""
    path = Path(tempfile.mkdtemp()) / "t.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    return path


def noexec_directory():
    """A directory of the machine to mount as /tmp: writable for all, executes nothing."""
    path = Path(tempfile.mkdtemp(dir=PLACE / "tmp"))
    run("mount", "-t", "tmpfs", "-o", "noexec,mode=1777", "none", path)
    return path


class Images(unittest.TestCase):
    def start(self, kind, name, *options):
        up(self, name, "--cluster", "docker", "--image", f"lab/{kind}:1", *options)

    def down(self, name):
        rdev("down", name)
        self.assertEqual((docker.containers(), docker.volumes(), jobs()), ([], [], {}))

    def check_program(self, name):
        done = ssh(name, "/lab/app args 'a b' c")
        self.assertEqual(done.text, "<a b><c>\n")
        ssh(name, "/lab/app exit 42", code=42)
        ssh(name, "/no/such/program", code=127)

    def check_tunnel(self, name):
        port = web.free_port()
        job_port = web.free_port()
        server = Process("ssh", "-o", "BatchMode=yes", "-v", "-L", f"127.0.0.1:{port}:127.0.0.1:{job_port}",
                         f"rdev-{name}", f"/lab/app http {job_port}")
        with server:
            server.wait_for(f"serving {job_port}")
            self.assertEqual(web.get(port, "1"), b"hello from the job\n")

    def check_copies(self, name, where):
        work = Path(tempfile.mkdtemp())
        source = tree.make(work / "source")
        run("scp", "-pr", source, f"rdev-{name}:{where}/there")
        run("scp", "-pr", f"rdev-{name}:{where}/there", work / "back")
        self.assertEqual(tree.facts(work / "back"), tree.facts(source))

    def check_shell(self, name, uid):
        self.assertEqual(ssh(name, "id -u").text, f"{uid}\n")
        self.assertEqual(ssh(name, options=["-T"], input="echo sh$((40+2)); exit 3\n", code=3).text, "sh42\n")
        self.assertIn(b"/dev/pts/", ssh(name, "tty", options=["-tt"]).out)
        self.assertEqual(ssh(name, 'cd "$HOME" && pwd && test -w . && echo writable').text.split()[1], "writable")

    def check(self, kind, name, uid, where="/tmp"):
        self.check_program(name)
        self.check_tunnel(name)
        if kind == "static":
            done = ssh(name, options=["-T"], code=None)
            self.assertNotEqual(done.code, 0)
            self.assertIn("shell", done.text + done.errors)
        else:
            self.check_shell(name, uid)
        if where:
            self.check_copies(name, where)

    def case(self, kind, uid):
        for user in ([] if uid == 0 else ["--user", str(uid)],):
            plain = f"{kind}-{uid}"
            self.start(kind, plain, *user)
            # The static image has no directory that a foreign uid could write to.
            self.check(kind, plain, uid, where="/tmp" if kind != "static" else "/lab" if uid == 0 else None)
            self.down(plain)
            bare = f"{kind}-{uid}-bare"
            self.start(kind, bare, *user, "--template", template(read_only="true"), "--mount", f"{noexec_directory()}:/tmp")
            self.check(kind, bare, uid)
            self.assertNotEqual(ssh(bare, "/lab/app args x >/x" if kind != "static" else "/no", code=None).code, 0)
            self.down(bare)


def add_cases():
    for kind in images.KINDS:
        for uid in (0, 12345):
            def test(self, kind=kind, uid=uid):
                self.case(kind, uid)
            setattr(Images, f"test_{kind}_{uid}", test)


add_cases()

if __name__ == "__main__":
    unittest.main()
