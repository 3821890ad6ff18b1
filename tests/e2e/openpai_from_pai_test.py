"""What the README of pai showed its users, command by command, and what it is here (README, "Coming from pai and opai")."""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from lab.client import RDEV_HOME, rdev, rdev_json, ssh, up
from lab.openpai import PASSWORDS, OpenPai
from lab.proc import eventually
from lab.storage import azure, blob_storage

V1 = {"jobName": "v1", "image": "debian:12", "virtualCluster": "vc1",
      "taskRoles": [{"name": "main", "taskNumber": 1, "cpuNumber": 1, "memoryMB": 512, "gpuNumber": 0, "command": "echo from v1"}]}
V2 = {"protocolVersion": 2, "name": "v2", "type": "job",
      "prerequisites": [{"type": "dockerimage", "name": "image", "uri": "debian:12"}],
      "taskRoles": {"main": {"dockerImage": "image", "resourcePerInstance": {"cpu": 1, "gpu": 0, "memoryMB": 512},
                             "commands": ["echo from v2"]}},
      "defaults": {"virtualCluster": "vc1"}}


def setUpModule():
    global pai, blobs
    pai, blobs = OpenPai(), azure()
    for server in (pai, blobs):
        unittest.addModuleCleanup(server.stop)
    pai.control("storages", blob=blob_storage("c1"))
    pai.join()


class Example(unittest.TestCase):
    """Each test begins with the old command."""

    def setUp(self):
        self.here = Path(tempfile.mkdtemp(prefix="from-pai-"))
        self.addCleanup(shutil.rmtree, self.here)
        self.addCleanup((RDEV_HOME / "config/config.yaml").unlink, missing_ok=True)

    def write(self, name, text):
        (self.here / name).write_text(text if isinstance(text, str) else json.dumps(text))
        return self.here / name

    def submit(self, *argv):
        said = rdev_json("job", "submit", *argv)
        self.addCleanup(rdev, "job", "stop", said["name"], code=None)
        return said["name"]

    def log_of(self, name):
        """Once the job has succeeded."""
        rdev("job", "wait", name, timeout=60)
        return rdev("job", "logs", name).text

    def run_job(self, name, *argv):
        self.addCleanup(rdev, "down", name, code=None)
        rdev("job", "run", "--cluster", "pai", "--name", name, *argv, cwd=self.here, timeout=60)
        return rdev("logs", name, "-f", timeout=60).text


class Clusters(Example):
    def test_help(self):
        """pai -h"""
        self.assertIn("rdev up", rdev("--help").text)

    def test_add_list_and_delete(self):
        """pai add-cluster --cluster-alias A --pai-uri U --user N --password P; pai list-clusters; pai delete-cluster A"""
        self.addCleanup(rdev, "cluster", "remove", "second", code=None)
        rdev("cluster", "add", "second", "--url", pai.url, "--user", "bob", "--password-stdin", input=PASSWORDS["bob"] + "\n")
        self.assertEqual([row["name"] for row in rdev_json("cluster", "list")], ["local", "docker", "pai", "second"])
        rdev("cluster", "remove", "second")
        self.assertNotIn("second", rdev("cluster", "list").text)

    def test_add_with_a_token(self):
        """pai add-cluster --cluster-alias A --pai-uri U --user N --token T"""
        self.addCleanup(rdev, "cluster", "remove", "second", code=None)
        rdev("cluster", "add", "second", "--url", pai.url, "--user", "alice", "--token-stdin", input=pai.token + "\n")
        self.assertEqual(rdev_json("cluster", "show", "second")["user"], "alice")

    def test_edit(self):
        """pai edit-clusters --editor E"""
        self.assertIn("nothing is changed", rdev("cluster", "edit", "pai", "--editor", "true").errors)

    def test_resources_and_update(self):
        """pai cluster-resources; pai update-clusters"""
        self.assertIn("vc1", [row["virtual_cluster"] for row in rdev_json("cluster", "resources", "pai")])
        self.assertIn("pai", rdev("cluster", "update").text)

    def test_select(self):
        """opai cluster select [-g] A"""
        rdev("cluster", "select", "pai")
        self.assertEqual(rdev("get", "cluster", cwd=self.here).text, "pai\n")
        rdev("set", "cluster=local", cwd=self.here)
        self.assertEqual(rdev("get", "cluster", cwd=self.here).text, "local\n")

    def test_set(self):
        """opai set [-g] image=I cluster-alias=A workspace=W"""
        rdev("set", "-g", "cluster=pai", "image=old:1", cwd=self.here)
        rdev("set", "image=new:2", cwd=self.here)
        said = rdev("job", "run", "--preview", "--", "true", cwd=self.here)
        self.assertIn("new:2", said.text)
        self.assertIn("it is called cluster here", rdev("set", "cluster-alias=pai", cwd=self.here, code=2).errors)
        self.assertIn("set storage=", rdev("set", "workspace=w", cwd=self.here, code=2).errors)


class Storages(Example):
    def test_list(self):
        """pai list-storages A"""
        self.assertIn("blob", [row["name"] for row in rdev_json("storage", "list", "--cluster", "pai")])

    def test_select(self):
        """pai select-storage --cluster-alias A --storage-name S --workspace W"""
        rdev("set", "-g", "cluster=pai", "storage=blob")
        self.assertIn("storages:\n    - name: blob\n", rdev("job", "run", "--preview", "--", "true", cwd=self.here).text)
        self.assertIn("    - name: blob\n      mountPath: /data\n",
                      rdev("job", "run", "--storage", "blob:/data", "--preview", "--", "true", cwd=self.here).text)

    def test_files(self):
        """pai copy /src pai://A/S/dest; listdir; getinfo; makedir; copy back; remove"""
        at = "pai://pai/blob/folder"
        source = self.write("a.txt", "hello\n")
        rdev("storage", "mkdir", at)
        rdev("storage", "cp", source, f"{at}/a.txt")
        self.assertIn("a.txt", rdev("storage", "ls", at).text)
        self.assertEqual(rdev_json("storage", "stat", f"{at}/a.txt")["bytes"], 6)
        rdev("storage", "cp", f"{at}/a.txt", self.here / "back.txt")
        self.assertEqual((self.here / "back.txt").read_text(), "hello\n")
        rdev("storage", "rm", "-r", "--yes", at)
        self.assertNotIn("folder", rdev("storage", "ls", "pai://pai/blob").text)


class Jobs(Example):
    def test_submit(self):
        """pai submit -a A F, of protocol version 2 or 1, as JSON or YAML"""
        name = self.submit(self.write("v2.json", V2), "--set", "name=submitted")
        self.assertIn("from v2", self.log_of(name))
        self.assertIn("from v1", self.log_of(self.submit(self.write("v1.json", V1), "--name", "converted")))
        rows = rdev_json("job", "list", "--cluster", "pai")
        self.assertLessEqual({"submitted", "converted"}, {row["name"] for row in rows})  # pai list-jobs -a A
        self.assertEqual([row["name"] for row in rdev_json("job", "list", "submitted")], ["submitted"])  # pai list-jobs -a A J
        self.assertEqual(rdev_json("job", "status", "submitted")["state"], "SUCCEEDED")  # pai job-status J
        self.assertIn("echo from v2", rdev("job", "config", "submitted").text)  # pai job-status J config

    def test_submit_with_changes(self):
        """pai submit --update name=J -u defaults:virtualCluster=V F; --preview"""
        file = self.write("v2.json", V2)
        said = rdev("job", "submit", file, "--set", "name=changed", "--set", "defaults.virtualCluster=vc2", "--preview").text
        self.assertIn("name: changed", said)
        self.assertIn("virtualCluster: vc2", said)
        self.assertEqual(rdev_json("job", "list", "changed"), [])

    def test_sub(self):
        """pai sub -a A -i I -j J --sources mnist_cnn.py python mnist_cnn.py"""
        self.write("mnist_cnn.py", "print('learned', 6 * 7)\n")
        self.assertIn("learned 42", self.run_job("sub", "--image", "debian:12", "--source", "mnist_cnn.py", "--python", shutil.which("python3"), "--",
                                                 "python", "mnist_cnn.py"))

    def test_notebook_job(self):
        """pai notebook-job -a <cluster-alias> -i <docker-image> <notebook>"""
        self.write("mnist_cnn.ipynb", {"cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
                                                  "source": ["print('learned', 6 * 7)"]}],
                                       "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
        self.addCleanup(rdev, "down", "mnist", code=None)
        rdev("job", "notebook", "--cluster", "pai", "--image", "debian:12", "--name", "mnist", "--python", "/usr/bin/python3", "mnist_cnn.ipynb",
             cwd=self.here, timeout=120)
        self.assertIn("learned 42", (self.here / "mnist_cnn.html").read_text())

    def test_sub_a_sequence(self):
        """pai sub "git clone … && cd … && python run.py arg1 arg2" """
        self.assertIn("first\nsecond\n", self.run_job("sequence", "--", "sh", "-c", "echo first && cd / && echo second").replace("\r", ""))

    def test_sub_resources_ports_pip_and_preview(self):
        """pai sub --cpu 2 --gpu 1 --memoryMB 4096 --ports web=1 --pip-installs torch --python python3 --preview …"""
        said = rdev("job", "run", "--cluster", "pai", "--cpus", "2", "--gpus", "1", "--memory", "4g", "--port", "web=1", "--pip", "torch",
                    "--python", "python3", "--preview", "--", "python", "x.py").text
        for words in (r"cpu: 2\b", r"gpu: 1\b", r"memoryMB: 4096\b", r"web: 1\b", "-m pip install --quiet .*torch", "python3"):
            self.assertRegex(said, words)

    def test_stop(self):
        """pai stop-job J"""
        sleeps = json.loads(json.dumps(V2).replace("echo from v2", "sleep 5003"))
        name = self.submit(self.write("s.json", sleeps), "--name", "sleeps")
        rdev("job", "stop", name)
        self.assertTrue(rdev("job", "wait", name, code=3, timeout=60).text.startswith("alice~sleeps STOPPED\n"))  # pai connect-job J

    def test_an_empty_job(self):
        """pai start-container -a A -j J --timeout 1d --image I; pai ssh-container -a A -j J; pai job-status J ssh"""
        up(self, "empty", "--cluster", "pai", "--image", "debian:12", "--ttl", "1d")
        self.assertEqual(rdev("ssh", "empty", "--", "echo", "inside").text.strip(), "inside")
        rdev("ssh-config", "--install")
        self.assertEqual(ssh("empty", "echo inside").text, "inside\n")
        eventually(lambda: rdev_json("status", "empty")["state"] == "running", "it is running")


if __name__ == "__main__":
    unittest.main()
