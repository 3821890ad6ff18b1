#pragma once

#include <map>
#include <string>

#include "client/cluster/docker/address.h"
#include "client/cluster/docker/docker_config.h"

namespace rdev::cluster::docker {

// The engine that the docker command would use: `host` when not empty, else DOCKER_HOST, else the
// context named by DOCKER_CONTEXT or by "currentContext" of config.json, else the default socket.
// DOCKER_TLS, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH apply to all but contexts, which carry their
// own (docs.docker.com/engine/reference/commandline/cli, "Environment variables").
Result<EngineAddress> find_engine(const std::string& host, const DockerConfig& config,
                                  const Getenv& env);

// The variables with which find_engine() finds the same engine again: those that are set, and the
// directory and the context that it went by.
std::map<std::string, std::string> pin_engine(const DockerConfig& config, const Getenv& env);

}  // namespace rdev::cluster::docker
