"""SSH clients that are not OpenSSH: Dropbear, PuTTY, curl, paramiko, npm's ssh2 and ssh2-sftp-client."""
import hashlib
import json
import os
import tempfile
import unittest
from pathlib import Path

from lab import fetch, tree, web
from lab.agent import Agent
from lab.proc import needs_tool, run


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)


class Dropbear(unittest.TestCase):
    def setUp(self):
        needs_tool("dbclient")
        self.argv = [*target.dbclient(), "rdev@127.0.0.1"]

    def dbclient(self, command, **how):
        """dbclient 2022.83 now and then sleeps for ever when all has been said, with OpenSSH's sshd just
        the same (2 of 360 runs on a busy machine): once more, then."""
        for left in (2, 1, 0):
            try:
                return run(*self.argv, command, timeout=8, **how)
            except AssertionError as error:
                if left == 0 or "no end after" not in str(error):
                    raise

    def test_exec_and_exit_code(self):
        done = self.dbclient("cat; echo err >&2; exit 5", input=b"in", code=5)
        self.assertEqual(done.out, b"in")
        self.assertIn(b"err", done.err)

    def test_bulk(self):
        # Its window is 24 kB and it leaves Nagle's algorithm on: 40 ms a window where the two meet.
        data = os.urandom(3_000_000)
        self.assertEqual(hashlib.sha256(self.dbclient("cat", input=data).out).digest(),
                         hashlib.sha256(data).digest())

    def test_another_host_key_is_refused(self):
        other = Agent()
        self.addCleanup(other.end)
        argv = [word if word != str(target.port) else str(other.port) for word in self.argv]
        self.assertNotEqual(run(*argv, "true", code=None).code, 0)


class Putty(unittest.TestCase):
    def setUp(self):
        needs_tool("plink")
        needs_tool("puttygen")
        self.work = Path(tempfile.mkdtemp())
        run("puttygen", target.key, "-O", "private", "-o", self.work / "id.ppk")
        self.options = ["-batch", "-hostkey", agent.target.fingerprint, "-i", self.work / "id.ppk", "-P",
                        str(target.port)]

    def test_exec_and_exit_code(self):
        done = run("plink", *self.options, "rdev@127.0.0.1", "cat; echo err >&2; exit 6", input=b"in", code=6)
        self.assertEqual(done.out, b"in")
        self.assertIn(b"err", done.err)

    def test_terminal(self):
        done = run("plink", *self.options, "-t", "rdev@127.0.0.1", "tty; stty size; exit 3", code=3)
        self.assertIn(b"/dev/pts/", done.out)

    def test_psftp_both_ways(self):
        needs_tool("psftp")
        source = tree.make(self.work / "source")
        batch = self.work / "batch"
        batch.write_text(f"lcd {self.work}\ncd {self.work}\nmkdir there\nput -r source there\n"
                         f"get -r there back\nquit\n")
        run("psftp", *self.options, "-b", batch, "rdev@127.0.0.1")
        # PuTTY keeps neither modes nor times.
        kept = {"modes": False, "mtimes": False}
        self.assertEqual(tree.facts(self.work / "there", **kept), tree.facts(source, **kept))
        self.assertEqual(tree.facts(self.work / "back", **kept), tree.facts(source, **kept))

    def test_another_host_key_is_refused(self):
        self.options[2] = "SHA256:" + "A" * 43
        self.assertNotEqual(run("plink", *self.options, "rdev@127.0.0.1", "true", code=None).code, 0)


class Curl(unittest.TestCase):
    """libssh2, as git's bindings and many tools use it."""

    def test_sftp_and_scp_both_ways(self):
        needs_tool("curl")
        self.assertIn("sftp", run("curl", "--version").text, "this curl is built without libssh2")
        place = Path(tempfile.mkdtemp())
        data = os.urandom(300_000)
        (place / "data").write_bytes(data)
        login = ("-s", "--insecure", "--key", target.key, "--pubkey", f"{target.key}.pub")
        for scheme in ("sftp", "scp"):
            url = f"{scheme}://{target.user}@127.0.0.1:{target.port}{place}"
            run("curl", *login, "--upload-file", place / "data", f"{url}/{scheme}")
            self.assertEqual((place / scheme).read_bytes(), data)
            self.assertEqual(run("curl", *login, f"{url}/{scheme}").out, data)


class Paramiko(unittest.TestCase):
    def setUp(self):
        self.client = target.paramiko()
        self.addCleanup(self.client.close)

    def test_exec(self):
        stdin, stdout, stderr = self.client.exec_command("cat; echo err >&2; exit 7")
        stdin.write(b"in")
        stdin.channel.shutdown_write()
        self.assertEqual((stdout.read(), stderr.read()), (b"in", b"err\n"))
        self.assertEqual(stdout.channel.recv_exit_status(), 7)

    def test_shell(self):
        shell = self.client.invoke_shell()
        shell.send(b"echo par$((20+3)); exit\n")
        seen = b""
        while block := shell.recv(4096):
            seen += block
        self.assertIn(b"par23", seen)

    def test_sftp(self):
        work = Path(tempfile.mkdtemp())
        data = os.urandom(5_000_000)
        (work / "up").write_bytes(data)
        with self.client.open_sftp() as sftp:
            sftp.put(str(work / "up"), str(work / "there"))
            sftp.rename(str(work / "there"), str(work / "moved"))
            sftp.chmod(str(work / "moved"), 0o755)
            sftp.get(str(work / "moved"), str(work / "down"))
            self.assertEqual(sftp.stat(str(work / "moved")).st_size, len(data))
            self.assertIn("moved", sftp.listdir(str(work)))
            self.assertRaises(FileNotFoundError, sftp.stat, str(work / "missing"))
        self.assertEqual((work / "down").read_bytes(), data)
        self.assertEqual((work / "moved").stat().st_mode & 0o777, 0o755)

    def test_tunnel(self):
        with web.digests() as port:
            channel = self.client.get_transport().open_channel("direct-tcpip", ("127.0.0.1", port),
                                                               ("127.0.0.1", 0))
            channel.sendall(b"hello")
            channel.shutdown_write()
            answer = b""
            while block := channel.recv(4096):
                answer += block
        self.assertEqual(answer.decode(), hashlib.sha256(b"hello").hexdigest())


SSH2 = """
const {Client} = require(process.argv[2]); const fs = require('fs');
const o = JSON.parse(process.argv[3]); const result = {ident: null}; const c = new Client();
const step = (name, f) => new Promise((resolve, reject) => f((e, v) => e ? reject(new Error(name + ': ' + e)) : resolve(v)));
const exec = (command, options) => step(command, done => c.exec(command, options, (e, s) => {
  if (e) return done(e);
  let out = ''; let code; s.on('data', d => out += d).on('exit', n => code = n).on('close', () => done(null, [out, code]));
  s.end('typed'); }));
c.on('ready', async () => { try {
  result.exec = await exec('cat; exit 4', {});
  result.pty = await exec('tty; exit 2', {pty: true});
  result.many = (await Promise.all([...Array(100).keys()].map(i => exec('echo ' + i, {})))).map(r => +r[0]);
  const sftp = await step('sftp', done => c.sftp(done));
  await step('put', done => sftp.fastPut(o.file, o.file + '.tmp', done));
  await step('rename', done => sftp.rename(o.file + '.tmp', o.file + '.there', done));
  await step('get', done => sftp.fastGet(o.file + '.there', o.file + '.back', done));
  result.forward = await step('forward', done => c.forwardOut('127.0.0.1', 0, '127.0.0.1', o.web, (e, s) => {
    if (e) return done(e);
    let out = ''; s.on('data', d => out += d).on('close', () => done(null, out)); s.end('hello'); }));
  console.log(JSON.stringify(result)); c.end();
} catch (e) { console.error(e); process.exit(1); } });
c.on('error', e => { console.error(e); process.exit(1); });
c.connect({host: '127.0.0.1', port: o.port, username: 'rdev', privateKey: fs.readFileSync(o.key),
           hostVerifier: key => key.toString('base64') === o.hostKey});
"""


# needs: npm-ssh2
class NpmSsh2(unittest.TestCase):
    """What VS Code's open remote and Theia are built on."""

    def test_everything(self):
        needs_tool("node")
        module = fetch.npm_modules() / "ssh2"
        if not module.is_dir():
            self.fail("npm could not install ssh2: see above")
        work = Path(tempfile.mkdtemp())
        (work / "script.js").write_text(SSH2)
        (work / "file").write_bytes(os.urandom(8_000_000))
        with web.digests() as port:
            options = {"port": target.port, "key": str(target.key), "file": str(work / "file"), "web": port,
                       "hostKey": target.host_key.split()[1]}
            done = run("node", work / "script.js", module, json.dumps(options), timeout=60)
        result = json.loads(done.text)
        self.assertEqual(result["exec"], ["typed", 4])
        self.assertEqual(result["pty"][1], 2)
        self.assertIn("/dev/pts/", result["pty"][0])
        self.assertEqual(result["many"], list(range(100)))
        self.assertEqual(result["forward"], hashlib.sha256(b"hello").hexdigest())
        self.assertEqual((work / "file.back").read_bytes(), (work / "file").read_bytes())


SFTP_CLIENT = r"""
const [path, options] = [process.argv[2], JSON.parse(process.argv[3])];
const Client = require(path), fs = require("fs");
(async () => {
  const c = new Client(), out = {};
  await c.connect({host: "127.0.0.1", port: options.port, username: "rdev", privateKey: fs.readFileSync(options.key),
                   hostVerifier: key => key.toString("base64") === options.hostKey});
  await c.uploadDir(options.tree, options.work + "/there");
  await c.downloadDir(options.work + "/there", options.work + "/back");
  await c.fastPut(options.tree + "/sub/big.bin", options.work + "/fast");
  await c.fastGet(options.work + "/fast", options.work + "/fast.back");
  await c.put(Buffer.from("typed"), options.work + "/typed");
  await c.append(Buffer.from(" more"), options.work + "/typed");
  out.typed = (await c.get(options.work + "/typed")).toString();
  await c.chmod(options.work + "/typed", 0o600);
  await c.posixRename(options.work + "/typed", options.work + "/fast");
  const s = await c.stat(options.work + "/fast");
  out.stat = [s.size, s.mode & 0o777, s.isFile];
  out.list = (await c.list(options.tree)).map(e => e.name).sort();
  out.exists = [await c.exists(options.work), await c.exists(options.work + "/fast"), await c.exists("/absent")];
  await c.rmdir(options.work + "/there", true);
  out.gone = await c.exists(options.work + "/there");
  out.error = await c.get("/absent").catch(e => e.code);
  console.log(JSON.stringify(out));
  await c.end();
})().catch(e => { console.error(e); process.exit(1); });
"""


class NpmSftpClient(unittest.TestCase):
    def test_everything(self):
        needs_tool("node")
        module = fetch.npm_modules() / "ssh2-sftp-client"
        if not module.is_dir():
            self.fail("npm could not install ssh2-sftp-client: see above")
        work = Path(tempfile.mkdtemp())
        source = tree.make(Path(tempfile.mkdtemp()) / "source")
        (work / "script.js").write_text(SFTP_CLIENT)
        options = {"port": target.port, "key": str(target.key), "tree": str(source), "work": str(work),
                   "hostKey": target.host_key.split()[1]}
        result = json.loads(run("node", work / "script.js", module, json.dumps(options), timeout=60).text)
        self.assertEqual(tree.facts(work / "back", modes=False, mtimes=False), tree.facts(source, modes=False, mtimes=False))
        self.assertEqual((work / "fast.back").read_bytes(), (source / "sub/big.bin").read_bytes())
        self.assertEqual(result, {"typed": "typed more", "stat": [10, 0o600, True], "list": sorted(os.listdir(source)),
                                  "exists": ["d", "-", False], "gone": False, "error": 2})


if __name__ == "__main__":
    unittest.main()
