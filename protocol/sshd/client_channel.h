#pragma once

#include <memory>
#include <string>

#include "protocol/ssh/connection.h"

namespace rdev::sshd {

// Opens a channel towards the client. `connection` may be gone by now: that is an error as every
// other. `body` is the type's own part of CHANNEL_OPEN.
awaitable<Result<std::unique_ptr<stream::Stream>>> open_client_channel(
    std::weak_ptr<ssh::Connection> connection, std::string type, std::string body);

}  // namespace rdev::sshd
