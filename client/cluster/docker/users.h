#pragma once

#include <string>

#include "client/cluster/docker/engine.h"
#include "client/cluster/docker/tar.h"

namespace rdev::cluster::docker {

// "USER[:GROUP]", names or numbers, as the engine will read it with these files' texts: a number
// needs no entry; a user without a group has that of its entry, else 0. Code::kUsage for a name
// that is not there.
Result<Owner> resolve_user(const std::string& user, const std::string& passwd,
                           const std::string& group);

// The ids that the container's processes will have. Reads the container's own files where names
// must be looked up.
awaitable<Result<Owner>> container_owner(Engine& engine, std::string container, std::string user);

}  // namespace rdev::cluster::docker
