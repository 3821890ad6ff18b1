"""`rdev ssh` and `rdev exec -t` with somebody before the terminal."""
import unittest

from lab.client import rdev, start
from lab.proc import eventually, processes, program
from lab.terminal import Terminal

NAME = "term"


def setUpModule():
    rdev("up", NAME)
    unittest.addModuleCleanup(rdev, "down", NAME, code=None)


def rdev_ssh(*words, options=(), command="ssh", **how):
    tail = ["--", *words] if words else []
    return Terminal(program("rdev"), command, *options, NAME, *tail, **how)


class Shell(unittest.TestCase):
    def test_login_shell(self):
        with rdev_ssh() as t:
            t.type('echo "shell-$((6*7)) $0"\n')
            t.expect(r"shell-42 \S*bash\r\n")
            t.type("exit 9\n")
            self.assertEqual(t.wait(), 9)

    def test_command_with_exact_words(self):
        with rdev_ssh("printf", "<%s>", "a b", "", "$HOME") as t:
            t.expect(r"<a b><><\$HOME>")
            self.assertEqual(t.wait(), 0)

    def test_a_terminal_even_without_one_here(self):
        self.assertRegex(rdev("ssh", NAME, "--", "tty").text, r"^/dev/pts/\d+\r\n$")

    def test_exit_codes(self):
        for script, code in (("exit 7", 7), ("kill -9 $$", 137)):
            with rdev_ssh("sh", "-c", script) as t:
                self.assertEqual(t.wait(), code)
        with rdev_ssh("no-such-program") as t:
            t.expect("no-such-program")
            self.assertEqual(t.wait(), 127)


class Window(unittest.TestCase):
    def test_size_and_its_changes(self):
        for command in (["ssh"], ["exec", "-t"]):
            with rdev_ssh("sh", command=command[0], options=command[1:], rows=31, columns=97) as t:
                t.type("stty size\n")
                t.expect("31 97")
                t.resize(50, 120)
                # The change travels beside the bytes: ask until it has arrived.
                t.type("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo resi''zed\n")
                t.expect("resized")
                t.type("exit\n")
                self.assertEqual(t.wait(), 0)

    def test_the_terminal_is_raw_meanwhile_and_then_as_before(self):
        with rdev_ssh("cat") as t:
            t.type("\u00fcber\n")
            t.expect("(?s)\u00fcber.*\u00fcber")
            t.type("\x03")  # to the job's terminal, not to rdev
            self.assertEqual(t.wait(), 130)
            self.assertEqual(t.modes(), t.modes_before)

    def test_job_control_keys_arrive(self):
        with rdev_ssh("bash", "--norc", "-i") as t:
            t.type("sleep 5678\n")
            eventually(lambda: [p for p in processes("sleep 5678").values() if p.startswith("sleep")], "it runs")
            t.type("\x1a")
            t.expect("Stopped")
            t.type("kill %1; exit 4\n")
            t.type("exit 4\n")
            self.assertEqual(t.wait(), 4)


class Escapes(unittest.TestCase):
    def test_tilde_dot_ends_it(self):
        with rdev_ssh("sh", "-c", "echo ready; exec sleep 6789") as t:
            t.expect("ready")
            before = t.modes()
            t.type("\r~.")
            self.assertEqual(t.wait(), 255)
            self.assertEqual(t.modes()[3] & 8, 8, "the terminal echoes again")
            self.assertNotEqual(before, t.modes())
        eventually(lambda: not [p for p in processes("sleep 6789").values() if p.startswith("sleep")], "it is hung up")

    def test_a_tilde_is_a_tilde(self):
        with rdev_ssh("sh", "-c", "stty -echo; echo ready; while read -r line; do echo \"[$line]\"; done") as t:
            t.expect("ready")
            t.type("~~ two\n")
            t.expect(r"\[~ two\]")
            t.type("a~.b\n")
            t.expect(r"\[a~\.b\]")
            t.type("~x\n")
            t.expect(r"\[~x\]")
            t.type("~/dir\n")
            t.expect(r"\[~/dir\]")
            t.type("~?")
            t.expect(r"~\.")  # the help, here, not from the job
            t.type("\n")
            t.expect(r"\[\]")
            t.type("\x04")
            self.assertEqual(t.wait(), 0)

    def test_none_without_a_terminal_here(self):
        with start("exec", NAME, "--", "cat") as process:
            self.assertEqual(process.wait(), 0)
        self.assertEqual(rdev("exec", NAME, "--", "cat", input=b"\n~.\n~?\n").out, b"\n~.\n~?\n")


if __name__ == "__main__":
    unittest.main()
