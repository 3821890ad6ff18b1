#pragma once

#include <memory>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

// Joins a stream to a connected socket, TCP or unix, until both directions have ended, either is
// lost, or the coroutine is cancelled. Each direction ends on its own; after the peer's close the
// socket still gets what came before it.
awaitable<void> join(std::unique_ptr<stream::Stream> stream, base::Fd socket);

}  // namespace rdev::services
