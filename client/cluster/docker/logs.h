#pragma once

#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/engine.h"

namespace rdev::cluster::docker {

// Cluster::logs() for a container.
awaitable<Result<void>> read_logs(Engine& engine, std::string container, Cluster::Follow follow,
                                  Cluster::LogSink sink);

}  // namespace rdev::cluster::docker
