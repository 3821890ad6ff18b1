#pragma once

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// Connects to where a tunnel leads, as seen from the laptop. The error names the place.
awaitable<Result<base::Fd>> connect_target(Tunnel tunnel);

}  // namespace rdev::tunnels
