#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::base {

// "127.0.0.1:22", "[::1]:22".
std::string text(const asio::ip::tcp::endpoint& endpoint);

// A listening TCP socket, non-blocking; Code::kUnavailable when this machine has no such address.
// IPv6 ones take IPv6 only, so that "[::]" and "0.0.0.0" may stand beside each other.
Result<Fd> listen_tcp(const asio::ip::tcp::endpoint& endpoint);

// Where it listens: the port that the kernel chose for port 0.
asio::ip::tcp::endpoint local_endpoint(int socket);

// Hands every connection of `listener` (borrowed) to `accepted`, until cancelled. When descriptors
// or memory run out it pauses instead of spinning. `room` is awaited before each accept(2): while
// it waits, connections wait in the kernel.
awaitable<void> accept_loop(int listener, std::function<void(Fd)> accepted,
                            std::function<awaitable<void>()> room = {});

}  // namespace rdev::base
