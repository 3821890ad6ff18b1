#pragma once

#include <memory>
#include <string>

#include "client/cluster/cluster.h"

namespace rdev::cluster {

struct DockerOptions {
  // "unix:///path", "tcp://host:port", "ssh://user@host". Empty: found as the docker command finds
  // it: DOCKER_HOST, DOCKER_CONTEXT, the current context, /var/run/docker.sock.
  std::string host;
};

// Jobs as containers of a Docker engine. Fails when the options or the user's docker configuration
// name no engine; nothing is contacted before the first call.
Result<std::unique_ptr<Cluster>> make_docker(asio::any_io_executor executor, DockerOptions options);

}  // namespace rdev::cluster
