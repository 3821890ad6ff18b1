#pragma once

#include <string>

#include "client/cluster/docker/engine.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::docker {

// Runs `rdev-agent stdio` in a container; its stdin and stdout are the socket. Returns when the
// agent's first bytes are there, so that what stands in their way has its own error. A background
// task on `executor` carries the bytes from then on; it owns all that it needs and ends with either
// side.
awaitable<Result<base::Fd>> dial_exec(Engine& engine, asio::any_io_executor executor,
                                      std::string container);

}  // namespace rdev::cluster::docker
