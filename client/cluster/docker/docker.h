#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/cluster/cluster.h"

namespace rdev::cluster {

struct DockerOptions {
  // "unix:///path", "tcp://host:port", "ssh://user@host". Empty: found as the docker command finds
  // it: DOCKER_HOST, DOCKER_CONTEXT, the current context, /var/run/docker.sock.
  std::string host;
  // From pin_docker_engine(): these in place of this process's own DOCKER_* variables.
  std::map<std::string, std::string> variables;
};

// The variables that find the same engine again, whatever the environment and the current context
// are by then: an editor starts ssh with another environment than the shell of `rdev up`.
Result<std::map<std::string, std::string>> pin_docker_engine();

// Jobs as containers of a Docker engine. Fails when the options or the user's docker configuration
// name no engine; nothing is contacted before the first call.
Result<std::unique_ptr<Cluster>> make_docker(asio::any_io_executor executor, DockerOptions options);

}  // namespace rdev::cluster
