#pragma once

#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/image.h"
#include "client/cluster/docker/ports.h"

namespace rdev::cluster::docker {

// The agent's volume and what is on it.
inline constexpr char kVolume[] = "/.rdev";
inline constexpr char kAgentPath[] = "/.rdev/rdev-agent";
inline constexpr char kConfigPath[] = "/.rdev/config";

// "rdev-NAME-" and the beginning of the id: unique among one engine's users.
std::string container_name(const std::string& name, const std::string& id);

// What the agent starts: the image's ENTRYPOINT before the job's command; empty without a command.
std::vector<std::string> job_command(const JobSpec& spec, const ImageFacts& facts);

// The body of POST /containers/create. It holds no secret: everybody with access to the engine can
// read it.
json::object create_body(const JobSpec& spec, const ImageFacts& facts,
                         const std::vector<PortBinding>& ports);

// What docker can't do, or would misunderstand (Code::kUsage).
Result<void> check_spec(const JobSpec& spec, Place engine);

}  // namespace rdev::cluster::docker
