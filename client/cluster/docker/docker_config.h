#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "protocol/base/result.h"

namespace rdev::cluster::docker {

// An environment variable; empty when it is not set, which the docker command takes as the same.
using Getenv = std::function<std::string(const char* name)>;
std::string process_getenv(const char* name);

// The user's docker configuration: the directory ($DOCKER_CONFIG, else ~/.docker) and what is in
// its config.json, an empty object when there is none.
struct DockerConfig {
  std::filesystem::path dir;
  boost::json::value config = boost::json::object();
};
Result<DockerConfig> read_docker_config(const Getenv& env);

}  // namespace rdev::cluster::docker
