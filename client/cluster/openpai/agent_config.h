#pragma once

#include <string>

#include "client/cluster/cluster.h"

namespace rdev::cluster::openpai {

// The agent's configuration, serialised: a rdev.AgentConfig. The same for all instances; where it
// listens and which instance it is, the agent is told on its command line. Secret.
std::string agent_config(const JobSpec& spec);

}  // namespace rdev::cluster::openpai
