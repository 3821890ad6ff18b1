#pragma once

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::commands {

// Joins stdin and stdout to the socket with two threads; the end of stdin is passed on as half a
// close. Resolves when the socket or stdout has ended. A thread may then still wait for stdin and
// use the socket, so the caller must end the process (hence the socket is never closed here).
awaitable<void> relay_stdio(base::Fd socket);

}  // namespace rdev::commands
