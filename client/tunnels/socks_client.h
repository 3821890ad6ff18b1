#pragma once

#include "client/tunnels/relay.h"
#include "client/tunnels/socks.h"

namespace rdev::tunnels {

// Asks what connected where it wants to go. When that cannot be served it has been told so.
awaitable<Result<Socks::Target>> ask_target(Socket& socket, Socks& socks);

// The last word of the handshake. An error: it has gone.
awaitable<Result<void>> say(Socket& socket, std::string answer);

}  // namespace rdev::tunnels
