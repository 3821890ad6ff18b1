#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "protocol/base/asio.h"

namespace rdev::tunnels {

// The holder's protocol: each message after its size as u32, big-endian.
using HolderSocket = asio::local::stream_protocol::socket;
inline constexpr std::size_t kMaxMessage = 1U << 20U;

// Code::kClosed at the end; Code::kProtocol: too long.
awaitable<Result<std::string>> read_message(HolderSocket& socket);
awaitable<Result<void>> write_message(HolderSocket& socket, std::string message);

}  // namespace rdev::tunnels
