"""Jobs on a real dockerd, beside the docker client."""
import statistics

from bench.table import alternate, ms


def on_docker(table, rounds):
    from lab import docker, images
    from lab.client import rdev, ssh
    from lab.proc import run
    rdev("ssh-config", "--install")
    engine = docker.Dockerd()
    try:
        images.load("busybox")
        image = "lab/busybox:1"

        def ours():
            rdev("up", "bench", "--cluster", "docker", "--image", image)

        def bare():
            run("docker", "run", "-d", "--name", "bench-bare", image, "/lab/app")
            run("docker", "exec", "bench-bare", "true")

        took = {"ours": [], "bare": [], "down": [], "rm": []}
        for i in range(rounds + 1):
            for key, action in (("ours", ours), ("down", lambda: rdev("down", "bench")), ("bare", bare),
                                ("rm", lambda: run("docker", "rm", "-fv", "bench-bare"))):
                value = ms(action)
                if i > 0:
                    took[key].append(value)
        mine, theirs, down, remove = (statistics.median(took[k]) for k in ("ours", "bare", "down", "rm"))
        table.add("`rdev up` on docker, warm image", mine, "`docker run -d` + `docker exec`", theirs, "ms",
                  f"{mine - theirs:+.0f} ms; aim: at most +700 ms")
        table.add("`rdev down` on docker", down, "`docker rm -fv`", remove, "ms")
        rdev("up", "bench", "--cluster", "docker", "--image", image)
        session, execs = alternate(rounds, lambda: ssh("bench", "true"),
                                   lambda: run("docker", "exec", docker.container_of("bench"), "true"))
        table.add("`ssh rdev-NAME true`, job on docker", session, "`docker exec`", execs, "ms")
        container = docker.container_of("bench")
        warm, execs = alternate(rounds * 2, lambda: rdev("exec", "bench", "--", "true"),
                                lambda: run("docker", "exec", container, "true"))
        table.add("`rdev exec true`, warm, job on docker", warm, "`docker exec`", execs, "ms")
        rdev("down", "bench")
    finally:
        engine.stop()
