#pragma once

#include <optional>
#include <string>

#include "protocol/base/asio.h"

namespace rdev::cluster::docker {

// Runs `docker-credential-HELPER get` with `server` on its stdin; its answer, or nullopt when it
// has no credentials for that server.
awaitable<Result<std::optional<std::string>>> ask_credential_helper(std::string helper,
                                                                    std::string server);

}  // namespace rdev::cluster::docker
