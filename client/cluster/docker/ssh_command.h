#pragma once

#include <string>
#include <vector>

#include "client/cluster/docker/address.h"

namespace rdev::cluster::docker {

// `ssh HOST docker system dial-stdio`: the engine's socket of another machine, as the docker
// command reaches it.
std::vector<std::string> ssh_command(const EngineAddress& address);

}  // namespace rdev::cluster::docker
