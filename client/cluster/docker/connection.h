#pragma once

#include <memory>
#include <string>

#include "client/cluster/docker/address.h"
#include "client/http/connection.h"
#include "protocol/base/asio.h"

namespace rdev::cluster::docker {

using http::Connection;

// Code::kUnavailable names the address, the reason and what to try.
awaitable<Result<std::unique_ptr<Connection>>> connect(const EngineAddress& address);

// `reason` with the address before it and what to try behind it.
Error unavailable(const EngineAddress& address, std::string reason, int error = 0);

}  // namespace rdev::cluster::docker
