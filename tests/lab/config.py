"""The agent's configuration as the client would hand it over: rdev.AgentConfig of rdev.proto,
written by hand so that a change of the wire format is noticed here."""
import os
import subprocess
import tempfile
from pathlib import Path

FIELDS = {"job_name": 1, "host_seed": 2, "authorized_keys": 3, "listen": 4, "socket": 5, "lifetime_seconds": 6,
          "exit_with_command": 7, "login_shell": 8, "fallback_home": 9, "job_id": 10,
          "deny": 11}


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def encode(**values):
    out = b""
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            number = FIELDS[name]
            if isinstance(one, int):
                out += varint(number << 3) + varint(int(one))
            else:
                data = one.encode() if isinstance(one, str) else bytes(one)
                out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def host_key(seed):
    """The public half of a seed, by a second implementation."""
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    out = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=der,
                         capture_output=True, check=True).stdout[-32:]
    import base64
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + out
    return "ssh-ed25519 " + base64.b64encode(blob).decode()


def write(key, directory=None, **values):
    """(path of the config, its values); a seed and a socket are made unless given."""
    directory = Path(directory or tempfile.mkdtemp(prefix="cfg-"))
    values = {"job_name": "lab", "host_seed": os.urandom(32), "job_id": "lab-" + os.urandom(4).hex(),
              "authorized_keys": [Path(f"{key}.pub").read_text().strip()], "socket": str(directory / "run/agent.sock"),
              "fallback_home": str(directory / "fallback")} | values
    path = directory / "config"
    path.write_bytes(encode(**values))
    path.chmod(0o400)
    os.chown(path, directory.stat().st_uid, directory.stat().st_gid)
    return path, values
