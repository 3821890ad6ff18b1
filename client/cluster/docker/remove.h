#pragma once

#include <string>

#include "client/cluster/docker/engine.h"

namespace rdev::cluster::docker {

// Removes a container and its anonymous volumes, running or not; fine when there is none. Returns
// when it is gone.
awaitable<Result<void>> remove_container(Engine& engine, std::string name_or_id);

// The same after SIGTERM and a few seconds to end.
awaitable<Result<void>> stop_container(Engine& engine, std::string name_or_id);

}  // namespace rdev::cluster::docker
