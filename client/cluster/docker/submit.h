#pragma once

#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/docker_config.h"
#include "client/cluster/docker/engine.h"

namespace rdev::cluster::docker {

// Cluster::submit() for an engine. `spec` has passed check_spec().
awaitable<Result<JobRef>> submit_job(Engine& engine, const DockerConfig& config,
                                     const JobSpec& spec, const Cluster::Progress& progress);

}  // namespace rdev::cluster::docker
