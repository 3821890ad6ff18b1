#pragma once

#include <string>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::carrier {

// A TCP connection without Nagle's delay. Code::kUnavailable says why there is none.
awaitable<Result<base::Fd>> connect_tcp(std::string host, std::string port);

}  // namespace rdev::carrier
