"""A job behind an emulated line."""
import unittest

from lab import docker, images
from lab.client import rdev
from lab.netem import Link


def up_for_module(name, **line):
    """For setUpModule(): the line, on whose other side are a container engine and the job, its agent's port
    published there; `line` as netem.Link() takes it."""
    link = Link(**line)
    unittest.addModuleCleanup(link.close)
    with link.job.socket() as s:
        port = s.getsockname()[1]
    engine = docker.Dockerd(tcp=f"{link.job.address}:{port}", host=link.job)
    unittest.addModuleCleanup(engine.stop)
    images.load("busybox")
    rdev("up", name, "--cluster", "docker", "--image", "lab/busybox:1", "--publish", link.job.address)
    unittest.addModuleCleanup(rdev, "down", name, code=None)
    return link
