#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/address.h"
#include "client/cluster/docker/engine.h"

namespace rdev::cluster::docker {

// From the engine's inspection of a container.
JobStatus job_status(const json::value& inspected);

// Whether it was made without a network of its own, as with `docker run --network host`. Some
// engines do that unasked.
bool has_host_network(const json::value& inspected);

// Where the agent's port is published, as seen from here, then the exec stream. Empty when the
// container does not run.
std::vector<Endpoint> endpoints_of(const json::value& inspected, const EngineAddress& engine);

// Containers that carry our labels and have the name that goes with them: an image committed from a
// job has the labels, too, and what is made of it is not ours.
struct Found {
  std::string id;
  std::string name;  // the job's
  std::string job_id;
  std::string image;
  std::string host_public_key;
  std::string user;
  std::int64_t created_unix_s = 0;
};
std::vector<Found> our_containers(const json::value& listed);

// All containers with the label `label` = `value`, ended ones included.
awaitable<Result<std::vector<Found>>> find_containers(Engine& engine, std::string label,
                                                      std::string value);

// A container's inspection; nullopt when it is gone.
awaitable<Result<std::optional<json::value>>> inspect_container(Engine& engine, std::string id);

}  // namespace rdev::cluster::docker
