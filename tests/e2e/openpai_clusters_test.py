"""`rdev cluster resources, update, edit, import`, with fakes of OpenPAI's server or with a real one (lab/pai.py)."""
import json
import os
import stat
import tempfile
import unittest
from pathlib import Path

import yaml

from lab.client import RDEV_HOME, rdev, rdev_json, up
from lab.openpai import PASSWORDS, OpenPai, for_module, of_the_fake
from lab.proc import run


def setUpModule():
    global pai
    pai = for_module()


class Place(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(run, "rm", "-rf", self.directory)

    def write(self, name, text, mode=0o600):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path


class Resources(Place):
    def test_the_users_virtual_clusters(self):
        rows = {row["virtual_cluster"]: row for row in rdev_json("cluster", "resources", "pai")}
        row = rows[pai.virtual_cluster]
        for what in ("gpus", "cpus", "memory_mb"):
            self.assertEqual(row["total"][what], row["used"][what] + row["free"][what])
        self.assertGreater(row["total"]["cpus"], 0)
        text = rdev("cluster", "resources").text
        self.assertRegex(text, rf"(?m)^pai +{pai.virtual_cluster} +\d+ of \d+ free +[\d.]+ of \d+ free +[\d.]+ of [\d.]+ free ")

    def test_what_is_built_in(self):
        local, docker = rdev_json("cluster", "resources", "local", "docker") if os.path.exists("/var/run/docker.sock") \
            else (rdev_json("cluster", "resources", "local")[0], None)
        self.assertEqual(local["total"]["cpus"], len(os.sched_getaffinity(0)))
        self.assertGreater(local["total"]["memory_mb"], local["free"]["memory_mb"])
        self.assertIsNone(local["free"]["gpus"])
        if docker:
            self.assertGreater(docker["total"]["memory_mb"], 100)

    @of_the_fake("needs kinds of nodes, and what is in use")
    def test_kinds_of_nodes_and_several_clusters(self):
        server = OpenPai()
        self.addCleanup(server.stop)
        rdev("cluster", "add", "hived", "--url", server.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        self.addCleanup(rdev, "cluster", "remove", "hived")
        server.control("used", cluster="vc1", gpu=3, cpu=8, memory=20480)
        server.control("skus", K80={"gpu": 1, "cpu": 4, "memory": 10240}, BIG={"gpu": 4, "cpu": 4, "memory": 10240})
        rows = {(row["cluster"], row["virtual_cluster"]): row for row in rdev_json("cluster", "resources")}
        self.assertEqual(set(rows), {(cluster, vc) for cluster in ("pai", "hived") for vc in ("default", "vc1")})
        row = rows["hived", "vc1"]
        self.assertEqual((row["used"], row["free"]["gpus"]), ({"gpus": 3, "cpus": 8, "memory_mb": 20480}, 1))
        self.assertEqual({kind["name"]: kind["room"] for kind in row["kinds"]}, {"K80": 1, "BIG": 0})
        self.assertRegex(rdev("cluster", "resources", "hived").text,
                         r"(?m)^hived +vc1 +1 of 4 free +16 of 24 free +200 of 220 free +BIG \(room for 0\), K80 \(room for 1\)$")
        server.control("fault", kind="status", path="virtual-clusters", status=500, count=9)
        said = rdev("cluster", "resources", code=1)
        self.assertIn("rdev: hived: ", said.errors)
        self.assertRegex(said.text, "(?m)^pai +vc1")

    def test_wrong_names(self):
        self.assertIn("did you mean 'pai'", rdev("cluster", "resources", "paj", code=2).errors)


class Update(Place):
    def test_all_are_asked(self):
        row = next(row for row in rdev_json("cluster", "update") if row["name"] == "pai")
        self.assertEqual((row["problems"], row["user"]), ([], pai.user))
        self.assertRegex(rdev("cluster", "update", "pai").text, rf"(?m)^pai +ok +v?[\d.]+ +{pai.user} +(expires in|never expires)")

    @of_the_fake("a server goes away")
    def test_one_that_is_away_is_kept(self):
        server = OpenPai()
        rdev("cluster", "add", "away", "--url", server.url, "--user", "alice", env={"RDEV_PASSWORD": PASSWORDS["alice"]})
        self.addCleanup(rdev, "cluster", "remove", "away")
        server.stop()
        said = rdev("cluster", "update", code=1, timeout=60)
        self.assertRegex(said.text, "(?m)^away +failed")
        self.assertRegex(said.text, "(?m)^pai +ok")
        self.assertIn("rdev: away: ", said.errors)
        self.assertIn("away", rdev("cluster", "list").text)


class Edit(Place):
    FILE = RDEV_HOME / "config/clusters/pai.yaml"

    def edit(self, script, code=0, **how):
        editor = self.write("editor", f"#!/bin/sh\n{script}\n", 0o755)
        return rdev("cluster", "edit", "pai", "--editor", editor, code=code, **how)

    def setUp(self):
        super().setUp()
        before = self.FILE.read_text()
        self.addCleanup(self.FILE.write_text, before)

    def test_a_change(self):
        self.edit('echo "virtual_cluster: vc9 # mine" >>"$1"')
        self.assertTrue(self.FILE.read_text().endswith("vc9 # mine\n"))
        self.assertEqual(stat.S_IMODE(self.FILE.stat().st_mode), 0o600)
        self.assertEqual(list(self.FILE.parent.glob("*.edit")), [])
        self.assertIn("nothing is changed", self.edit("true").errors)

    def test_the_editor_of_the_environment_with_an_option(self):
        editor = self.write("ed itor", '#!/bin/sh\n[ "$1" = --wait ] && echo "# seen" >>"$2"\n', 0o755)
        rdev("cluster", "edit", "pai", env={"EDITOR": f"'{editor}' --wait", "VISUAL": ""})
        self.assertTrue(self.FILE.read_text().endswith("# seen\n"))

    def test_what_cannot_be_read_is_not_taken(self):
        before = self.FILE.read_text()
        said = self.edit('echo "colour: red" >>"$1"', code=2)
        self.assertRegex(said.errors, r"pai.yaml.edit:\d+:\d+: .*colour")
        self.assertIn("what you wrote is in", said.errors)
        self.assertEqual(self.FILE.read_text(), before)
        draft = self.FILE.with_name("pai.yaml.edit")
        self.assertIn("colour: red", draft.read_text())
        draft.unlink()
        self.assertIn("the editor", self.edit("exit 1", code=1).errors)
        self.assertEqual(self.FILE.read_text(), before)

    def test_nothing_to_edit(self):
        self.assertIn("built in", rdev("cluster", "edit", "docker", code=2).errors)
        self.assertIn("did you mean 'pai'", rdev("cluster", "edit", "pay", code=2).errors)

    def test_another_server_under_a_name_that_jobs_have(self):
        up(self, "held", "--cluster", "pai", *pai.options, timeout=120)
        said = self.edit("sed -i 's,^url:.*,url: http://127.0.0.1:1,' \"$1\"", code=1)
        self.assertIn("jobs are there: held", said.errors)
        self.FILE.with_name("pai.yaml.edit").unlink()


@of_the_fake("needs passwords in clear")
class Import(Place):
    def setUp(self):
        super().setUp()
        self.server = OpenPai()
        self.addCleanup(self.server.stop)

    def clusters(self, *rows):
        return self.write("clusters.yaml", yaml.safe_dump(list(rows)))

    def old(self, alias, **fields):
        self.addCleanup(rdev, "cluster", "remove", alias.lower().replace("_", "-"), code=None)
        return {"cluster_alias": alias, "pai_uri": self.server.url, "user": "alice", "password": PASSWORDS["alice"], "token": None,
                "info": {}, "storages": [], "virtual_clusters": ["default"], **fields}

    def test_by_password_and_by_token(self):
        token = self.server.control("token", user="bob")["token"]
        home = self.directory / "home"
        (home / ".openpai").mkdir(parents=True)
        path = home / ".openpai/clusters.yaml"
        path.write_text(yaml.safe_dump([self.old("Old_One", pai_uri=self.server.url.removeprefix("http://")),
                                        self.old("two", user="bob", password=None, token=token)]))
        said = rdev("cluster", "import", env={"HOME": str(home)})
        self.assertRegex(said.text, r"(?m)^Old_One +old-one +http://\S+ +imported\ntwo +two +http://\S+ +imported$")
        self.assertIn("still holds passwords and tokens in clear, and others may read it", said.errors)
        self.assertEqual(rdev_json("cluster", "show", "old-one")["user"], "alice")
        self.assertEqual(rdev_json("job", "list", "--cluster", "two"), [])
        for file in RDEV_HOME.rglob("*"):
            self.assertFalse(file.is_file() and PASSWORDS["alice"].encode() in file.read_bytes(), file)

    def test_what_cannot_be_imported_is_said(self):
        path = self.clusters(self.old("good"), self.old("bad", password="wrong-password"), self.old("none", password=None),
                             self.old("gone", pai_uri="http://127.0.0.1:1"))
        rows = {row["alias"]: row for row in json.loads(rdev("cluster", "import", path, "--json", code=1).text)}
        self.assertEqual({alias: row["imported"] for alias, row in rows.items()},
                         {"good": True, "bad": False, "none": False, "gone": False})
        self.assertIn("to add it by hand: rdev cluster add bad --url", rows["bad"]["problem"])
        self.assertNotIn("wrong-password", rows["bad"]["problem"])
        again = rdev("cluster", "import", path, code=1)
        self.assertRegex(again.text, "(?m)^good .* it is here already")
        self.assertRegex(rdev("cluster", "import", path, "--replace", code=1).text, "(?m)^good .* imported$")

    def test_files_that_are_none(self):
        for text, why in (("a: b\n", "is no list of clusters"), ("- 1\n", "must be a mapping"), ("- {cluster_alias: x}\n", "needs cluster_alias"),
                          ("- {cluster_alias: [x], pai_uri: y}\n", "must be text"), ("[\n", r"\d+:\d+")):
            self.assertRegex(rdev("cluster", "import", self.write("x.yaml", text), code=2).errors, why)
        self.assertIn("clusters.yaml", rdev("cluster", "import", env={"HOME": str(self.directory)}, code=1).errors)


if __name__ == "__main__":
    unittest.main()
