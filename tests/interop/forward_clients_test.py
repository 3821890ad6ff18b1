"""Forwards by SSH clients that are not OpenSSH: Dropbear, PuTTY, paramiko, npm's ssh2."""
# needs: npm-ssh2
import json
import os
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from lab import exchange, fetch, web
from lab.agent import Agent
from lab.exchange import Server, connect, new_path, read_all, refuses
from lab.proc import Process, eventually, needs_tool, run
from lab.ssh_agent import SshAgent

BYTES = os.urandom(1_000_000)


def setUpModule():
    global agent, target
    agent = Agent()
    target = agent.target
    unittest.addModuleCleanup(agent.end)
    unittest.addModuleCleanup(agent.stop)  # it removes its sockets


class Case(unittest.TestCase):
    def check_echo(self, address):
        """There and back; then the end, which the server sees."""
        with connect(address) as s:
            sender = threading.Thread(target=lambda: (s.sendall(BYTES), s.shutdown(socket.SHUT_WR)))
            sender.start()
            self.assertEqual(read_all(s), BYTES)
            sender.join()

    def check_tunnel(self, argv):
        """argv(kind, spec) for -L and -R of a port."""
        server = Server(self, exchange.echo)
        for kind in ("-L", "-R"):
            with self.subTest(kind):
                here = web.free_port()
                client = Process(*argv(kind, f"{here}:127.0.0.1:{server.address}"))
                self.addCleanup(client.kill)
                eventually(lambda port=here: not refuses(port), "it listens")
                self.check_echo(here)
                client.kill()


class Dropbear(Case):
    def test_ports(self):
        needs_tool("dbclient")
        self.check_tunnel(lambda kind, spec: [*target.dbclient(), "-N", kind, spec, "rdev@127.0.0.1"])


class Putty(Case):
    def test_ports(self):
        needs_tool("plink")
        work = Path(tempfile.mkdtemp())
        run("puttygen", target.key, "-O", "private", "-o", work / "id.ppk")
        self.check_tunnel(lambda kind, spec: ["plink", "-N", "-batch", "-hostkey", agent.target.fingerprint, "-i",
                                              work / "id.ppk", "-P", target.port, kind, spec, "rdev@127.0.0.1"])


class Paramiko(Case):
    def setUp(self):
        self.client = target.paramiko()
        self.addCleanup(self.client.close)

    def test_remote_port(self):
        transport = self.client.get_transport()
        port = transport.request_port_forward("127.0.0.1", 0)
        with connect(port) as s:
            channel = transport.accept(20)
            self.assertEqual(channel.origin_addr, s.getsockname())
            s.sendall(b"from there")
            self.assertEqual(channel.recv(100), b"from there")
            channel.sendall(b"from here")
            channel.close()
            self.assertEqual(read_all(s), b"from here")
        transport.cancel_port_forward("127.0.0.1", port)
        eventually(lambda: refuses(port), "nobody listens any more")

    def test_an_agent(self):
        import paramiko
        lent = SshAgent(self, key=target.key)
        before = os.environ.get("SSH_AUTH_SOCK")
        os.environ["SSH_AUTH_SOCK"] = lent.path
        self.addCleanup(lambda: os.environ.pop("SSH_AUTH_SOCK") if before is None else
                        os.environ.update(SSH_AUTH_SOCK=before))
        session = self.client.get_transport().open_session()
        paramiko.agent.AgentRequestHandler(session)
        session.exec_command("ssh-add -l")
        listed = b""
        while block := session.recv(1000):
            listed += block
        self.assertIn(lent.fingerprint, listed.decode())


SSH2 = """
const {Client} = require(process.argv[2]); const fs = require('fs'); const net = require('net');
const o = JSON.parse(process.argv[3]); const result = {}; const c = new Client();
const call = (method, ...args) => new Promise((resolve, reject) =>
  c[method](...args, (e, v) => e ? reject(new Error(method + ': ' + e)) : resolve(v)));
// What an accepted channel echoes comes back to who connected to `where`.
const echoed = where => new Promise((resolve, reject) => {
  let out = ''; const s = net.connect(where, () => s.end('hello ' + JSON.stringify(where)));
  s.on('data', d => out += d).on('end', () => resolve(out)).on('error', reject); });
const told = [];
c.on('tcp connection', (info, accept) => { told.push([info.destIP, info.destPort]); const s = accept(); s.pipe(s); });
c.on('unix connection', (info, accept) => { told.push(info.socketPath); const s = accept(); s.pipe(s); });
c.on('ready', async () => { try {
  const port = await call('forwardIn', 'localhost', 0);
  result.tcp = await echoed(port);
  await call('openssh_forwardInStreamLocal', o.path);
  result.unix = await echoed(o.path);
  result.told = told; result.port = port;
  const s = await call('openssh_forwardOutStreamLocal', o.server);
  result.out = await new Promise(resolve => { let out = ''; s.on('data', d => out += d).on('close', () => resolve(out)); s.end('x'); });
  await call('unforwardIn', 'localhost', port);
  await call('openssh_unforwardInStreamLocal', o.path);
  result.left = await Promise.all([port, o.path].map(w => echoed(w).then(() => 'listens', e => e.code)));
  console.log(JSON.stringify(result)); c.end();
} catch (e) { console.error(e); process.exit(1); } });
c.on('error', e => { console.error(e); process.exit(1); });
c.connect({host: '127.0.0.1', port: o.port, username: 'rdev', privateKey: fs.readFileSync(o.key),
           hostVerifier: key => key.toString('base64') === o.hostKey});
"""


class NpmSsh2(Case):
    def test_everything(self):
        needs_tool("node")
        module = fetch.npm_modules() / "ssh2"
        if not module.is_dir():
            self.fail("npm could not install ssh2: see above")
        script = Path(tempfile.mkdtemp()) / "script.js"
        script.write_text(SSH2)
        path, server = new_path(), Server(self, exchange.echo, new_path("t"))
        options = {"port": target.port, "key": str(target.key), "hostKey": target.host_key.split()[1], "path": path,
                   "server": server.spec}
        result = json.loads(run("node", script, module, json.dumps(options)).text)
        port = result["port"]
        self.assertEqual(result["tcp"], f"hello {port}")
        self.assertEqual(result["unix"], f'hello "{path}"')
        self.assertEqual(result["out"], "x")
        self.assertEqual(result["told"], [["localhost", port], path])
        self.assertEqual(result["left"], ["ECONNREFUSED", "ENOENT"])


if __name__ == "__main__":
    unittest.main()
