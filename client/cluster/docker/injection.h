#pragma once

#include <cstdint>
#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/tar.h"

namespace rdev::cluster::docker {

// The agent's configuration, serialised: a rdev.AgentConfig. Secret.
enum class Listen { kSocketOnly, kPublishedPort };
std::string agent_config(const JobSpec& spec, Listen listen);

// What is put on the agent's volume: rdev-agent 0755, config 0400, run/ and home/ 0700; all but the
// program belong to `owner`. Secret.
std::string volume_archive(const std::string& agent, const std::string& config, Owner owner,
                           std::int64_t now_unix_s);

}  // namespace rdev::cluster::docker
