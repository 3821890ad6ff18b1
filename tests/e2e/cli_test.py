"""The command line itself: help, completion, exit codes, configuration, state on a full disk."""
import contextlib
import os
import re
import shutil
import stat
import tempfile
import unittest
from pathlib import Path

from lab.client import HOME, RDEV_HOME, jobs, rdev, ssh, ssh_settings, up
from lab.proc import needs_tool, processes, program, run

COMMANDS = ("up", "ls", "status", "logs", "down", "proxy", "ssh-config")


class Help(unittest.TestCase):
    def test_every_command_has_an_example(self):
        overview = rdev("--help").text
        for command in COMMANDS:
            with self.subTest(command):
                self.assertIn(command, overview)
                text = rdev(command, "--help").text
                self.assertRegex(text, f"(?i)example[^$]*rdev {command}")

    def test_version(self):
        self.assertRegex(rdev("--version").text, r"\d+\.\d+")
        self.assertRegex(run(program("rdev-agent"), "--version").text, r"\d+\.\d+")

    def test_usage_errors(self):
        for argv in (["nonsense"], ["up", "--no-such-option"], ["up", "Bad_Name"], ["up", "a" * 40], ["up", "9x"],
                     ["up", "x", "--env", "=x"], ["proxy", "Bad_Name"], ["up", "x", "--cluster", "no-such-cluster"], ["ssh-config"],
                     ["ssh-config", "--install", "--uninstall"]):
            with self.subTest(argv):
                done = rdev(*argv, code=2)
                self.assertTrue(done.errors.strip())
                self.assertEqual(done.out, b"")
        self.assertEqual(processes("rdev-agent"), {})

    def test_unknown_names(self):
        for argv in (["status", "nobody"], ["logs", "nobody"], ["down", "nobody"]):
            with self.subTest(argv):
                done = rdev(*argv, code=1)
                self.assertIn("nobody", done.errors)
                self.assertIn("rdev ls", done.errors)
        for options in ([], ["--raw"]):
            done = rdev("proxy", *options, "nobody", code=255)
            self.assertEqual(done.out, b"")
            self.assertIn("nobody", done.errors)

    def test_a_typo_gets_a_suggestion(self):
        self.assertIn("status", rdev("statsu", code=2).errors)

    def test_nothing_to_list(self):
        self.assertEqual(jobs(), {})
        rdev("ls")
        rdev("down", "--all")


PATH = {"PATH": f"{Path(os.environ.get('RDEV_BIN', '/nonexistent')).resolve()}:{os.environ['PATH']}"}
# What is typed; what is among the suggestions; what is not.
TYPED = (
    (("st",), {"status"}, {"logs"}),
    (("cluster", ""), {"add", "login", "select"}, {"local", "up"}),
    (("cluster", "l"), {"login", "list"}, {"add"}),
    (("cluster", "add", "--u"), {"--url", "--user"}, {"--json"}),
    (("cluster", "add", "--"), {"--insecure"}, {"--follow"}),
    (("cluster", "select", ""), {"local", "docker"}, {"add"}),
    (("cluster", "select", "--"), {"--help"}, {"--url"}),
    (("up", "--cluster", ""), {"local", "docker"}, {"--image"}),
    (("up", "--im"), {"--image"}, {"--url"}),
    (("env", ""), {"diff"}, {"add"}),
    (("completion", ""), {"bash", "zsh", "fish"}, {"up"}),
    (("ssh", "cluster", "--"), {"--help"}, {"--url"}),
)


class Completion(unittest.TestCase):
    def script(self, shell):
        return rdev("completion", shell).text

    def check(self, suggestions):
        for words, there, not_there in TYPED:
            with self.subTest(words):
                found = set(suggestions(words))
                self.assertLessEqual(there, found)
                self.assertEqual(found & not_there, set())
        self.assertEqual(suggestions(("exec", "a", "--", "")), [])  # the job's words

    def test_bash(self):
        needs_tool("bash")
        run("bash", "-n", input=self.script("bash"))

        def suggestions(words):
            typed = " ".join(f"'{word}'" for word in words)
            return run("bash", "-c", self.script("bash") + f"""
                f=$(complete -p rdev | sed 's/.*-F \\([^ ]*\\).*/\\1/')
                COMP_WORDS=(rdev {typed}); COMP_CWORD={len(words)}; $f rdev x rdev
                printf '%s\\n' "${{COMPREPLY[@]}}" """, env=PATH).text.split()
        self.check(suggestions)

    def test_zsh(self):
        """Its two ways to suggest in place of a terminal's: what is typed so far is for the shell to compare."""
        needs_tool("zsh")
        run("zsh", "-n", input=self.script("zsh"))

        def suggestions(words):
            typed = " ".join(f"'{word}'" for word in words)
            text = run("zsh", "-fc", """
                compdef() {}
                _describe() { for item in "${(@P)2}"; do print -r -- ${item%%:*}; done }
                compadd() { if [[ $1 == -a ]]; then print -rl -- "${(@P)2}"; else print -rl -- "$@"; fi }
                """ + self.script("zsh") + f"words=(rdev {typed}); CURRENT={len(words) + 1}; PREFIX='{words[-1]}'; _rdev", env=PATH).text
            return [word for word in text.split() if word.startswith(words[-1])]
        self.check(suggestions)

    def test_fish(self):
        needs_tool("fish")
        run("fish", "-n", input=self.script("fish"))

        def suggestions(words):
            text = run("fish", "--no-config", "-c", self.script("fish") + f"complete -C 'rdev {' '.join(words)}'", env=PATH).text
            return [line.split("\t")[0] for line in text.splitlines()]
        self.check(suggestions)

    def test_no_other_shell(self):
        self.assertIn("tcsh", rdev("completion", "tcsh", code=2).errors)


class ManPages(unittest.TestCase):
    def long_options(self, *words):
        """Of --help, apart from what its descriptions name."""
        return set(re.findall(r"^ {2,8}(?:-\w,)?(--[\w-]+)", rdev(*words, "--help").text, re.MULTILINE))

    def commands(self):
        return re.findall(r"^  ([a-z-]+) +\S", rdev("--help").text, re.MULTILINE)

    def formatted(self, *words):
        """As a terminal shows it, without a word of complaint."""
        needs_tool("groff")
        done = run("groff", "-man", "-Tutf8", "-ww", "-P-cbou", input=rdev("man", *words).text)
        self.assertEqual(done.errors, "")
        return done.text

    def test_every_command_and_option_is_told(self):
        overview = self.formatted()
        self.assertGreater(len(self.commands()), 15)
        for command in self.commands():
            with self.subTest(command):
                self.assertIn(command, overview)
                page = self.formatted(command)
                self.assertIn(f"rdev {command}", page)
                options = self.long_options(command)
                self.assertIn("--help", options)
                self.assertEqual({option for option in options if option not in page}, set())
        for action in ("add", "login", "list", "show", "remove", "select"):
            page = self.formatted("cluster")
            self.assertIn(f"rdev cluster {action}", page)
            self.assertEqual({o for o in self.long_options("cluster", action) if o not in page}, set())

    def test_into_a_directory(self):
        directory = Path(tempfile.mkdtemp()) / "man1"
        rdev("man", "--dir", directory)
        self.assertEqual({path.name for path in directory.iterdir()}, {"rdev.1", *(f"rdev-{c}.1" for c in self.commands())})
        self.assertEqual((directory / "rdev-up.1").read_text(), rdev("man", "up").text)
        self.assertEqual((directory / "rdev.1").stat().st_mode & 0o777, 0o644)

    def test_needs_no_home(self):
        run("env", "-i", program("rdev"), "man", "up")
        run("env", "-i", program("rdev"), "completion", "bash")

    def test_usage(self):
        self.assertIn("did you mean 'status'", rdev("man", "statsu", code=2).errors)


class SshConfig(unittest.TestCase):
    def setUp(self):
        self.file = HOME / ".ssh/config"
        shutil.rmtree(HOME / ".ssh", ignore_errors=True)

    def install(self):
        rdev("ssh-config", "--install")

    def test_into_nothing(self):
        self.install()
        self.assertEqual((HOME / ".ssh").stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.file.read_text().count("Include"), 1)
        rdev("ssh-config", "--uninstall")
        self.assertNotIn("Include", self.file.read_text() if self.file.exists() else "")

    def existing(self, text):
        self.file.parent.mkdir(mode=0o700)
        self.file.write_bytes(text.encode())
        self.file.chmod(0o644)

    def test_before_the_first_host_and_twice_is_once(self):
        text = "# mine\nServerAliveInterval 30\n\nHost work\n  User me\n  HostName 10.0.0.1\nMatch all\n  Port 22\n"
        self.existing(text)
        self.install()
        self.install()
        new = self.file.read_text()
        self.assertEqual(new.count("Include"), 1)
        self.assertLess(new.index("Include"), new.index("Host work"))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o644)
        self.assertEqual(ssh_settings("work")["user"], "me")
        rdev("ssh-config", "--uninstall")
        rdev("ssh-config", "--uninstall")
        self.assertEqual(self.file.read_text(), text)

    def test_odd_files(self):
        for text in ("", "\n\n", "Host a", "\tHost\ta\n  User x", "# Host b\nHost=a\n User x\n", "Host a\r\n  User x\r\n"):
            with self.subTest(text):
                shutil.rmtree(HOME / ".ssh", ignore_errors=True)
                self.existing(text)
                self.install()
                ssh_settings("a")
                rdev("ssh-config", "--uninstall")
                self.assertEqual(self.file.read_bytes(), text.encode())

    def test_a_symbolic_link_stays_one(self):
        self.existing("")
        real = HOME / "dotfiles-config"
        real.write_text("Host work\n  User me\n")
        self.file.unlink()
        self.file.symlink_to(real)
        self.install()
        self.assertTrue(self.file.is_symlink())
        self.assertIn("Include", real.read_text())

    def test_print_changes_nothing(self):
        self.assertIn("Include", rdev("ssh-config", "--print").text)
        self.assertFalse(self.file.exists())

    def test_works_after_install_with_what_was_there(self):
        self.existing("Host *\n  User somebody-else\n  IdentityFile /nonexistent\n  StrictHostKeyChecking no\n"
                      "  ProxyCommand false\n  ControlMaster auto\n  ControlPath ~/.ssh/cm-%C\n")
        self.install()
        up(self, "mixed")
        self.assertEqual(ssh("mixed", "echo in", options=["-o", "ControlPath=none"]).text, "in\n")
        self.assertEqual(ssh_settings("rdev-mixed")["stricthostkeychecking"], "true")


class State(unittest.TestCase):
    def test_modes(self):
        up(self, "modes")
        wrong = []
        for path in [RDEV_HOME, *RDEV_HOME.rglob("*")]:
            s = path.lstat()
            if path == RDEV_HOME or stat.S_ISLNK(s.st_mode):
                continue
            allowed = 0o700
            if stat.S_IMODE(s.st_mode) & ~allowed:
                wrong.append((str(path), oct(s.st_mode)))
        self.assertEqual(wrong, [])
        keys = [p for p in RDEV_HOME.rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
        self.assertTrue(keys)
        for key in keys:
            self.assertEqual(stat.S_IMODE(key.stat().st_mode) & 0o177, 0, key)

    def test_xdg_directories(self):
        work = Path(tempfile.mkdtemp())
        env = {"XDG_CONFIG_HOME": f"{work}/config", "XDG_STATE_HOME": f"{work}/state", "XDG_RUNTIME_DIR": f"{work}/run"}
        (work / "run").mkdir(mode=0o700)
        words = ["env", "-u", "RDEV_HOME", program("rdev")]
        run(*words, "up", "xdg", env=env)
        self.addCleanup(run, *words, "down", "xdg", env=env, code=None)
        self.assertEqual({p.name for p in work.iterdir()}, {"config", "state", "run"})
        self.assertTrue((work / "state/rdev/jobs/xdg").is_dir())
        self.assertTrue(list((work / "run/rdev").rglob("*")))
        # An IDE that was started without XDG_RUNTIME_DIR finds the same job.
        found = run(*words, "status", "xdg", env={k: v for k, v in env.items() if k != "XDG_RUNTIME_DIR"})
        self.assertIn("running", found.text)
        config = work / "state/rdev/ssh.d/xdg.conf"
        self.assertEqual(run("ssh", "-F", config, "rdev-xdg", "echo in").text, "in\n")

    def test_a_full_disk(self):
        small = Path(tempfile.mkdtemp()) / "small"
        small.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", small)
        self.addCleanup(run, "umount", "-l", small)
        with open(small / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while fill.write(b"x" * 1024):
                pass
        env = {"RDEV_HOME": str(small)}
        done = rdev("up", "full", env=env, code=1)
        self.assertRegex(done.errors, "(?i)no space|disk is full")
        self.assertEqual(processes("rdev-agent"), {})
        (small / "fill").unlink()
        rdev("up", "full", env=env)
        rdev("down", "full", env=env)

    def test_a_disk_that_fills_up_later(self):
        """With room for some files only: whatever fails, nothing is left running, and ssh parses."""
        for room in range(4, 44, 4):
            with self.subTest(room):
                small = Path(tempfile.mkdtemp()) / "small"
                small.mkdir()
                run("mount", "-t", "tmpfs", "-o", f"size={room}k,mode=700", "none", small)
                env = {"RDEV_HOME": str(small)}
                done = rdev("up", "tight", env=env, code=None)
                if done.code == 0:
                    rdev("down", "tight", env=env)
                else:
                    self.assertEqual(done.code, 1, done)
                    self.assertRegex(done.errors, "(?i)no space|disk is full")
                self.assertEqual(processes("rdev-agent"), {})
                run("umount", "-l", small)

    def test_a_socket_directory_that_somebody_else_made(self):
        """In /tmp anybody may be first."""
        theirs = Path(f"/tmp/rdev-{os.geteuid()}")
        script = f"""
            mount --bind {Path(program('rdev')).parent} /mnt && mount -t tmpfs none /tmp &&
            mkdir /tmp/home && mkdir -m 777 {theirs} && chown 4242 {theirs} &&
            env -u RDEV_HOME -u XDG_RUNTIME_DIR HOME=/tmp/home /mnt/rdev up theirs"""
        done = run("unshare", "--mount", "sh", "-c", script, code=1)
        self.assertIn(str(theirs), done.errors)


class Templates(unittest.TestCase):
    def write(self, text):
        path = Path(tempfile.mkdtemp()) / "t.yaml"
        path.write_text(text)
        return path

    def test_typos_have_line_and_column(self):
        cases = {"env:\n  A: b\nimagee: x\n": "3:", "lifetime: 5 parsecs\n": "1:", "command: [a\n": ":",
                 "command:\n  - a\n  - b: c\n": "3:", "login: perhaps\n": "1:8", "env: [a]\n": "1:", "\tx: y\n": "1:"}
        for text, where in cases.items():
            with self.subTest(text):
                path = self.write(text)
                done = rdev("up", "typo", "--template", path, code=2)
                self.assertRegex(done.errors, rf"{path}:{where if where != ':' else '[0-9]+:'}[0-9]*")

    def test_a_good_one(self):
        path = self.write("env:\n  FROM: template\n  OTHER: kept\nlifetime: 1h\ncommand: [sh, -c, 'echo T=$FROM']\n")
        up(self, "good", "--template", path, "--env", "FROM=option")
        self.assertEqual(ssh("good", "echo $FROM $OTHER").text, "option kept\n")
        self.assertIn("T=option", rdev("logs", "good").text)

    def test_one_that_is_missing(self):
        self.assertIn("/no/such.yaml", rdev("up", "x", "--template", "/no/such.yaml", code=None).errors)


if __name__ == "__main__":
    unittest.main()
