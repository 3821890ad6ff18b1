"""rdev storage, on the fakes of Azure's blob service and of HDFS (tests/fakes), which a fake of OpenPAI tells of.

    rdev ── storages? ──▶ OpenPAI
     ├── blobs ─────────▶ azure_blob.py   (checks signatures, pages of 3)
     └── WebHDFS ───────▶ webhdfs.py      (name node ── 307 ──▶ data node)
"""
import hashlib
import json
import os
import pty
import shutil
import signal
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from urllib.parse import quote

from lab.client import rdev, rdev_json, start
from lab.openpai import OpenPai
from lab.proc import LONG, PLACE, SANITIZED, program, run
from lab.storage import KEY, azure, blob_storage, in_home, peak_mb, webhdfs

MB = 1 << 20
BIG = (1024 if LONG else 256) * MB
ODD = ("a b", "100%", "%41", "grün", "a;b", "a+b", "q?x=1&y", "#hash", "'quote\"", "-dash", "back\\slash")


def setUpModule():
    global pai, blobs, hdfs
    pai, blobs, hdfs = OpenPai(), azure(), webhdfs()
    for server in (pai, blobs, hdfs):
        unittest.addModuleCleanup(server.stop)
    pai.join()
    pai.control("storages", blob=blob_storage("c1"), sas=blob_storage("c2", accountSASToken="?sig=a%2Bsecret%3D"),
                own={**blob_storage("c3"), "share": False}, wrong=blob_storage("c1", accountKey="d3Jvbmc="),
                keyless=blob_storage("c1", other="x"),
                smb={"share": True, "default": False, "type": "samba", "data": {"address": "//10.0.0.8/s", "username": "u", "password": "geheim"}})
    pai.control("old_storages", config=[{"name": "hdfs", "default": False, "servers": ["h"], "mountInfos": [
        {"mountPoint": "/mnt", "path": "users/${PAI_USER_NAME}", "server": "h", "permission": "rw"}]}],
        server=[{"spn": "h", "type": "hdfs", "data": {"namenode": "10.0.0.7", "port": "9000"}, "extension": {}}])


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file):
    total = hashlib.sha256()
    while piece := file.read(MB):
        total.update(piece)
    return total.hexdigest()


def tree(root):
    """{path below: bytes, or None of a folder}"""
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in Path(root).rglob("*")}


class InPlace(unittest.TestCase):
    def setUp(self):
        self.here = Path(tempfile.mkdtemp(prefix="files-", dir=PLACE))
        self.addCleanup(shutil.rmtree, self.here, ignore_errors=True)

    def refused(self, code, *argv, **how):
        said = rdev("storage", *argv, code=code, **how)
        self.assertEqual(said.text, "")
        return said.errors


class Verbs:
    """On both kinds."""

    def url(self, path=""):
        return f"pai://pai/{self.storage}/{self.id().rsplit('.', 1)[1]}{'/' + path if path else ''}"

    def names(self, path=""):
        return [row["name"] for row in rdev_json("storage", "ls", self.url(path))]

    def put(self, path, content=b"content"):
        (self.here / "put").write_bytes(content)
        rdev("storage", "cp", self.here / "put", self.url(path))

    def test_a_file_there_and_back(self):
        self.put("new/a.txt", b"hello")
        row = rdev_json("storage", "stat", self.url("new/a.txt"))
        self.assertEqual((row["name"], row["kind"], row["bytes"]), ("a.txt", "file", 5))
        self.assertAlmostEqual(row["modified_unix_s"], time.time(), delta=60)
        rdev("storage", "cp", self.url("new/a.txt"), self.here)
        self.assertEqual((self.here / "a.txt").read_bytes(), b"hello")
        rdev("storage", "cp", self.url("new/a.txt"), self.here / "deep/b.txt")
        self.assertEqual((self.here / "deep/b.txt").read_bytes(), b"hello")
        self.put("new/a.txt", b"")  # replaced, by nothing
        rdev("storage", "cp", self.url("new/a.txt"), self.here / "a.txt")
        self.assertEqual((self.here / "a.txt").read_bytes(), b"")
        self.assertEqual(sorted(p.name for p in self.here.rglob("*rdev-part*")), [])

    def test_folders(self):
        rdev("storage", "mkdir", self.url("x/y"))
        rdev("storage", "mkdir", self.url("x/y"))
        self.assertEqual(rdev_json("storage", "stat", self.url("x"))["kind"], "folder")
        self.assertEqual(rdev("storage", "ls", self.url("x")).text, "y/\n")
        self.put("x/y/f")
        self.put("x/y/", b"into")  # a slash: into the folder
        self.assertEqual(self.names("x/y"), ["f", "put"])
        self.assertRegex(rdev("storage", "ls", "-l", self.url("x/y")).text, r"^7 +20\S+Z +f\n4 +20\S+Z +put\n$")
        self.assertIn("FileAlreadyExists" if self.storage == "hdfs" else "is a file", self.refused(1, "mkdir", self.url("x/y/f")))

    def test_pages(self):
        names = [f"f{i:02}" for i in range(11)]
        for name in names:
            (self.here / name).write_text(name)
        rdev("storage", "cp", "-r", self.here, self.url("many"))
        self.assertEqual(self.names("many"), names)
        service = blobs if self.storage != "hdfs" else hdfs
        service.control("requests")
        self.names("many")
        lists = [path for _, path in service.control("requests") if "comp=list&del" in path or "LISTSTATUS_BATCH" in path]
        self.assertEqual(len(lists), 4)

    def test_remove(self):
        self.put("d/e/f")
        self.put("d/g")
        self.put("dx", b"not below d")
        rdev("storage", "rm", self.url("d/g"))
        self.assertEqual(self.names("d"), ["e"])
        self.assertIn("is a folder: give -r", self.refused(2, "rm", self.url("d")))
        self.assertIn("give --yes", self.refused(2, "rm", "-r", self.url("d")))
        self.assertEqual(self.answered("n"), 1)
        self.assertEqual(self.names("d"), ["e"])
        self.assertEqual(self.answered("y"), 0)
        self.assertEqual(self.names(), ["dx"])
        self.refused(1, "rm", self.url("d"))

    def answered(self, answer):
        """The exit code of `rm -r` at a terminal."""
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        code = run(program("rdev"), "storage", "rm", "-r", self.url("d"), code=None, preexec_fn=lambda: [os.dup2(theirs, fd) for fd in (0, 2)]).code
        os.close(ours)
        os.close(theirs)
        return code

    def test_trees_with_odd_names(self):
        source = self.here / "tree"
        for name in ODD:
            (source / name / "sub").mkdir(parents=True)
            (source / name / name).write_text(name)
            (source / name / "sub" / (name + ".txt")).write_bytes(os.urandom(100))
        (source / "empty").mkdir()
        said = rdev_json("storage", "cp", "-r", source, self.url("t"))
        self.assertEqual((said["files"], said["failed"], said["skipped"]), (2 * len(ODD), 0, []))
        rdev("storage", "cp", "-r", self.url("t"), self.here / "back")
        self.assertEqual(tree(self.here / "back"), tree(source))
        rdev("storage", "cp", "-r", self.url("t"), self.here / "back")  # the same again is the same
        self.assertEqual(tree(self.here / "back"), tree(source))
        rdev("storage", "cp", "-r", self.url("t"), f"{self.here}/in/")
        self.assertEqual(tree(self.here / "in" / "t"), tree(source))
        for name in ODD:
            self.assertEqual(sorted(self.names(f"t/{name}")), sorted([name, "sub"]))

    def test_links_lead_nowhere(self):
        source = self.here / "tree"
        source.mkdir()
        (self.here / "secret").write_text("outside")
        (source / "file").write_text("inside")
        (source / "within").symlink_to("file")
        (source / "out").symlink_to("../secret")
        (source / "up").symlink_to("..")
        said = rdev("storage", "cp", "-r", source, self.url("l"))
        self.assertEqual(said.errors.count("left out: "), 2)
        self.assertEqual(self.names("l"), ["file", "within"])
        # And none that stands in the target.
        (self.here / "target").mkdir()
        (self.here / "elsewhere").mkdir()
        (self.here / "target" / "sub").symlink_to(self.here / "elsewhere")
        self.put("m/sub/f")
        self.assertIn("links are not followed", self.refused(1, "cp", "-r", self.url("m"), self.here / "target"))
        self.assertEqual(tree(self.here / "elsewhere"), {})

    def test_errors(self):
        self.assertIn("404" if self.storage == "hdfs" else "there is no", self.refused(1, "ls", self.url("nothing")))
        self.refused(1, "cp", self.url("nothing"), self.here / "x")
        self.assertIn("there is no", self.refused(1, "cp", self.here / "nothing", self.url("x")))
        self.put("d/f")
        self.assertIn("give -r", self.refused(2, "cp", self.url("d"), self.here))
        self.assertIn("give -r", self.refused(2, "cp", self.here, self.url("d")))
        self.assertIn("both are in storages", self.refused(2, "cp", self.url("d"), self.url("e")))
        self.assertIn("neither is", self.refused(2, "cp", "a", "b"))
        self.assertIn("'..'", self.refused(2, "ls", self.url("a/../b")))
        self.assertEqual(list(self.here.iterdir()), [self.here / "put"])

    def big(self):
        path = self.here / "big"
        block = os.urandom(MB)
        with open(path, "wb") as file:
            for i in range(BIG // MB):
                file.write(i.to_bytes(8, "big") + block[8:])
        return path

    def test_a_large_file_with_a_cut(self):
        path = self.big()
        service, up = (hdfs, {"method": "PUT", "query": "op=CREATE"}) if self.storage == "hdfs" else (blobs, {"method": "PUT", "query": "blockid="})
        service.control("bytes")
        service.control("cut", after=BIG // 2 if self.storage == "hdfs" else 3 * MB, **up)
        self.assertLess(peak_mb("storage", "cp", path, self.url("big")), 64 if not SANITIZED else 1000)
        self.assertEqual(service.control("clear"), {"left": 0})
        self.assertLess(service.control("bytes")["received"], BIG + 6 * MB)
        service.control("cut", after=BIG // 2)
        self.assertLess(peak_mb("storage", "cp", self.url("big"), self.here / "back"), 64 if not SANITIZED else 1000)
        self.assertEqual(service.control("clear"), {"left": 0})
        self.assertLess(service.control("bytes")["sent"], BIG + 6 * MB)
        self.assertEqual(digest(path), digest(self.here / "back"))

    def killed_in(self, service, *argv, **cut):
        """`rdev storage cp` that is killed when the service has got as far as the cut."""
        service.control("cut", hold=True, **cut)
        self.addCleanup(service.control, "clear")
        held = service.process.output.count("held")
        with start("storage", "cp", *argv) as copy:
            service.process.wait_for(r"(?s)(held.*){%d}" % (held + 1), timeout=60)
            copy.signal(signal.SIGKILL)
            copy.wait()
        service.control("clear")

    def test_killed_and_started_again(self):
        path = self.here / "f"
        path.write_bytes(os.urandom(20 * MB))
        is_hdfs = self.storage == "hdfs"
        service = hdfs if is_hdfs else blobs
        service.control("bytes")
        self.killed_in(service, path, self.url("f"), method="PUT", after=15 * MB if is_hdfs else 3 * MB,
                       query="op=CREATE" if is_hdfs else "blockid=")
        self.refused(1, "stat", self.url("f"))  # nobody sees half of it
        said = rdev_json("storage", "cp", path, self.url("f"))
        if is_hdfs:
            self.assertEqual(said["resumed_bytes"], 15 * MB)
        self.assertLess(service.control("bytes")["received"], 26 * MB)
        self.killed_in(service, self.url("f"), self.here / "back", method="GET", after=15 * MB)
        self.assertFalse((self.here / "back").exists())
        said = rdev_json("storage", "cp", self.url("f"), self.here / "back")
        self.assertGreaterEqual(said["resumed_bytes"], 8 * MB)  # the rest was in sockets
        self.assertEqual(said["bytes"] + said["resumed_bytes"], 20 * MB)
        self.assertEqual(digest(path), digest(self.here / "back"))

    def test_changed_while_it_is_read(self):
        service = hdfs if self.storage == "hdfs" else blobs
        self.put("f", b"a" * 20 * MB)
        service.control("cut", method="GET", after=15 * MB, hold=True)
        self.addCleanup(service.control, "clear")
        held = service.process.output.count("held")
        with start("storage", "cp", self.url("f"), self.here / "back") as copy:
            service.process.wait_for(r"(?s)(held.*){%d}" % (held + 1), timeout=60)
            self.put("f", b"b" * 20 * MB)
            service.control("clear")
            copy.wait_for("copy it again")
            self.assertEqual(copy.wait(), 1)
        self.assertFalse((self.here / "back").exists())

    def test_a_changed_source_starts_anew(self):
        service = hdfs if self.storage == "hdfs" else blobs
        self.put("f", b"a" * 20 * MB)
        self.killed_in(service, self.url("f"), self.here / "back", method="GET", after=15 * MB)
        self.put("f", b"b" * 20 * MB)
        self.assertEqual(rdev_json("storage", "cp", self.url("f"), self.here / "back")["resumed_bytes"], 0)
        self.assertEqual((self.here / "back").read_bytes(), b"b" * 20 * MB)


class OnBlobs(Verbs, InPlace):
    storage = "blob"

    def test_a_killed_upload_keeps_its_blocks(self):
        path = self.here / "f"
        path.write_bytes(os.urandom(20 * MB))
        blobs.control("requests")
        rdev("storage", "cp", path, self.url("once"))
        third = [p for m, p in blobs.control("requests") if "blockid=" in p][2].partition("blockid=")[2].partition("&")[0]
        self.killed_in(blobs, path, self.url("f"), method="PUT", query=third, after=3 * MB)
        self.assertEqual(rdev_json("storage", "cp", path, self.url("f"))["resumed_bytes"], 8 * MB)
        rdev("storage", "cp", self.url("f"), self.here / "back")
        self.assertEqual(digest(path), digest(self.here / "back"))

    def test_names_that_lead_outside(self):
        for name in ("../evil", "a/../../evil", "ok"):
            request = urllib.request.Request(f"{blobs.url}/acct/c2/hostile/{quote(name, safe='')}?sig=a%2Bsecret%3D", b"evil", method="PUT",
                                             headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "2019-12-12"})
            urllib.request.urlopen(request, timeout=10).close()
        said = rdev("storage", "cp", "-r", "pai://pai/sas/hostile", self.here / "in/target")
        self.assertIn("names that no file here can have", said.errors)
        self.assertEqual(tree(self.here), {"in": None, "in/target": None, "in/target/ok": b"evil", "in/target/a": None})


class WithAToken(Verbs, InPlace):
    """A shared access signature instead of the account's key."""
    storage = "sas"
    test_a_large_file_with_a_cut = test_killed_and_started_again = test_a_changed_source_starts_anew = test_changed_while_it_is_read = None


class OnHdfs(Verbs, InPlace):
    storage = "hdfs"

    def test_it_is_the_users_folder(self):
        self.put("f")
        self.assertTrue((hdfs.state / "root/users/alice/test_it_is_the_users_folder/f").is_file())

    def test_an_old_name_node(self):
        old = webhdfs(3, "--old")
        self.addCleanup(os.environ.update, RDEV_WEBHDFS_ENDPOINT=f"{hdfs.url}/webhdfs/v1")
        self.addCleanup(old.stop)
        for name in "abcde":
            self.put(f"d/{name}")
        self.assertEqual(self.names("d"), list("abcde"))


class Storages(InPlace):
    def test_list_and_show(self):
        rows = {row["name"]: row for row in rdev_json("storage", "list")}
        self.assertEqual(set(rows), {"nfs-data", "blob", "sas", "own", "wrong", "keyless", "smb", "hdfs"})
        self.assertEqual((rows["nfs-data"]["type"], rows["nfs-data"]["where"], rows["nfs-data"]["default"]), ("nfs", "10.0.0.9:/data", True))
        self.assertEqual((rows["hdfs"]["type"], rows["hdfs"]["path"]), ("hdfs", "users/alice"))
        self.assertRegex(rdev("storage", "list", "--cluster", "pai").text, r"(?m)^own +azureBlob +acct/c3 +a folder for each user$")
        self.assertEqual(rdev_json("storage", "show", "blob"), rows["blob"])
        everything = rdev("storage", "list").text + json.dumps(rows) + rdev("storage", "show", "sas").text
        for secret in (KEY, "secret", "geheim"):
            self.assertNotIn(secret, everything)
            self.assertEqual(in_home(secret), [])

    def test_which(self):
        self.assertIn("has no storage nope", self.refused(1, "ls", "pai://pai/nope/x"))
        self.assertIn("no cluster 'nope'", self.refused(2, "ls", "pai://nope/blob/x"))
        self.assertIn("write pai://", self.refused(2, "ls", "blob/x"))

    def test_others_are_reached_through_a_job(self):
        said = self.refused(1, "ls", "pai://pai/nfs-data/x")
        self.assertIn("nfs-data is an NFS share of 10.0.0.9:/data: its files are reached through a job that mounts it", said)
        self.assertIn("is a Samba share of //10.0.0.8/s", self.refused(1, "ls", "pai://pai/smb/x"))

    def test_what_is_not_shared_is_the_users_folder(self):
        (self.here / "f").write_text("mine")
        rdev("storage", "cp", self.here / "f", "pai://pai/own/f")
        self.assertEqual(rdev("storage", "ls", "pai://pai/own").text, "f\n")
        blobs.control("requests")
        rdev("storage", "stat", "pai://pai/own/f")
        self.assertEqual(blobs.control("requests"), [["HEAD", "/acct/c3/alice/f"]])

    def test_keys(self):
        self.assertIn("AuthenticationFailed", self.refused(1, "ls", "pai://pai/wrong"))
        self.assertIn("tells no account, container or key", self.refused(1, "ls", "pai://pai/keyless"))

    def test_nobody_there(self):
        said = self.refused(1, "ls", "pai://pai/sas", env={"RDEV_AZURE_BLOB_ENDPOINT": "http://127.0.0.1:9/acct"})
        self.assertIn("cannot reach http://127.0.0.1:9", said)
        self.assertNotIn("secret", said)
        self.assertIn("RDEV_AZURE_BLOB_ENDPOINT", self.refused(2, "ls", "pai://pai/sas", env={"RDEV_AZURE_BLOB_ENDPOINT": "nonsense"}))


if __name__ == "__main__":
    unittest.main()
