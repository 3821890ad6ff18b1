"""What tests change while the server runs: POST /_fake/NAME with a JSON body.

  delays {created, preparing: seconds}     how long a job is in these states
  capacity {gpus}                          what is free
  fault {kind, method, path, count, ...}   the next COUNT requests whose method and path (a regular expression)
                                           match: slow (seconds), status (status, body, type, headers), cut
  lose_node {job}                          its tasks start anew elsewhere
  revoke {}                                every token is invalid from now on
  auth {method, lifetime_s}                basic or OIDC
  storages {NAME: {share, default, type, data}}  more of them
  old_storages {config, server}            what servers before 1.0 have instead
  clear {}                                 no more faults
  limit {calls}                            how many calls a minute are answered (600); counting begins anew
  token {user}                             answers with an application's token of this user
  used {cluster, gpu, cpu, memory}         what is in use there
  skus {NAME: {gpu, cpu, memory}}          kinds of nodes, as the hived scheduler has them
  seed {user, count}                       so many jobs of this user that have ended
  forget {job}                             there is no such job any more
  jobs {}                                  answers with {key: state}
  requests {}                              answers with what was asked since the last time: [method, path]
  clock {ahead_s}                          how far ahead the time is that its answers tell
  info {version, launcherType}             what /info says; null: there is no /info
"""
import re
import threading


class Faults:
    def __init__(self, fake):
        self.fake, self.pending, self.requests, self.lock = fake, [], [], threading.Lock()

    def control(self, name, body):
        fake = self.fake
        if name == "delays":
            fake.delays.update(body)
        elif name == "capacity":
            fake.free_gpus = body["gpus"]
        elif name == "fault":
            self.pending.append({"method": "GET", "count": 1, **body})
        elif name == "lose_node":
            threading.Thread(target=fake.jobs.get(body["job"]).lose_node, daemon=True).start()
        elif name == "revoke":
            fake.auth.secret += b"x"
        elif name == "auth":
            fake.auth.method = body.get("method", fake.auth.method)
            fake.auth.lifetime_s = body.get("lifetime_s", fake.auth.lifetime_s)
        elif name == "info":
            fake.info = None if body is None else {**fake.info, **body}
        elif name == "clock":
            fake.ahead_s = body["ahead_s"]
        elif name == "storages":
            fake.storages.update(body)
        elif name == "old_storages":
            fake.old_storages.update(body)
        elif name == "limit":
            fake.limits.set(body["calls"])
        elif name == "token":
            return {"token": fake.auth.token(body["user"], application=True)}
        elif name == "clear":
            self.pending.clear()
        elif name == "used":
            fake.used[body.pop("cluster")] = {**body, "vCores": body["cpu"], "GPUs": body["gpu"]}
        elif name == "skus":
            fake.skus = body
        elif name == "seed":
            fake.jobs.seed(**body)
        elif name == "forget":
            del fake.jobs.by_key[body["job"]]
        elif name == "jobs":
            return {key: job.state for key, job in fake.jobs.by_key.items()}
        elif name == "requests":
            with self.lock:
                seen, self.requests = self.requests, []
            return seen
        else:
            raise KeyError(name)
        return {}

    def note(self, method, path):
        with self.lock:
            self.requests.append([method, path])

    def next_for(self, method, path):
        with self.lock:
            for fault in self.pending:
                if fault["count"] > 0 and fault["method"] == method and re.search(fault["path"], path):
                    fault["count"] -= 1
                    return fault
        return None
