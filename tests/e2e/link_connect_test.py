"""`rdev connect`: host and port of the job's SSH server, for programs that want those."""
import json
import re
import shlex
import signal
import tempfile
import unittest
from pathlib import Path

from lab import web
from lab.client import RDEV_HOME, rdev, rdev_json, start, up_for_module
from lab.link import connects
from lab.proc import program, run
from lab.terminal import Terminal

NAME = "connect"


def setUpModule():
    up_for_module(NAME)


class Connect(unittest.TestCase):
    def test_what_it_prints_and_its_port_stays(self):
        seen = []
        for _ in range(2):
            with start("connect", NAME) as process:
                line = process.wait_for(r"(?m)^\s*ssh .*$")[0]
                seen.append(line)
                self.assertIn("ssh-ed25519 AAAA", process.output)
                self.assertNotIn("\x1b", process.output)
                self.assertEqual(run(*shlex.split(line), "echo through").text, "through\n")
                process.signal(signal.SIGINT)
                self.assertIn(process.wait(), (0, 130))
        self.assertEqual(seen[0], seen[1])

    def test_json_has_what_an_ide_asks_for(self):
        answer = json.loads(rdev("connect", "--detach", "--json", NAME).text)
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        text = json.dumps(answer)
        self.assertIn("ssh-ed25519 AAAA", text)
        port = answer["port"]
        self.assertTrue(connects(port))
        key = next(value for value in answer.values() if isinstance(value, str) and value.startswith("/")
                   and "PRIVATE KEY" in Path(value).read_text())
        self.assertEqual(Path(key).stat().st_mode & 0o777, 0o600)
        again = json.loads(rdev("connect", "--detach", "--json", NAME).text)
        self.assertEqual(again["port"], port)

    def test_raw_is_the_agents_own_server(self):
        """Its port and key are others than those of the front; both work at once, strictly."""
        (record,) = RDEV_HOME.rglob(f"jobs/{NAME}/job.json")
        agents = json.loads(record.read_text())["host_public_key"]
        answers = {}
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        for words in (("--raw",), ()):
            answer = json.loads(rdev("connect", *words, "--detach", "--json", NAME).text)
            self.assertEqual(run(*shlex.split(answer["command"]), "echo through").text, "through\n")
            with tempfile.NamedTemporaryFile("w") as pinned:  # nothing else than what is printed
                pinned.write(f"{answer['host_key_alias']} {answer['host_key']}\n")
                pinned.flush()
                strict = answer["command"].replace(answer["known_hosts_file"], pinned.name)
                self.assertEqual(run(*shlex.split(strict), "echo pinned").text, "pinned\n")
            answers[words] = answer
        raw, front = answers["--raw",], answers[()]
        self.assertEqual(raw["host_key"], agents)
        self.assertNotEqual(front["host_key"], agents)
        self.assertNotEqual(raw["port"], front["port"])
        self.assertEqual({"raw", "connect"}, {t["kind"] for t in rdev_json("forward", NAME, "--list")["tunnels"]})
        rdev("forward", NAME, "--remove", "all")
        with start("connect", "--raw", NAME) as process:
            self.assertIn(f" {raw['port']}\n", process.wait_for(r"(?m)^port .*\n")[0])
            process.wait_for(re.escape(agents))
            process.signal(signal.SIGINT)
            self.assertIn(process.wait(), (0, 130))

    def test_a_port_of_ones_own(self):
        port = web.free_port()
        answer = json.loads(rdev("connect", "--detach", "--json", "--port", str(port), NAME).text)
        self.addCleanup(rdev, "forward", NAME, "--remove", "all", code=None)
        self.assertEqual(answer["port"], port)
        self.assertIn("connect", [t["kind"] for t in rdev_json("forward", NAME, "--list")["tunnels"]])

    def test_live_line_on_a_terminal_only(self):
        with Terminal(program("rdev"), "connect", NAME) as t:
            t.expect(r"(?m)^\s*ssh ")
            t.expect(r"\d+(\.\d+)? ?ms")
            t.type("\x03")
            self.assertIn(t.wait(), (0, 130))


if __name__ == "__main__":
    unittest.main()
