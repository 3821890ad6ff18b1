#pragma once

#include <string_view>

namespace rdev::scp {

// Serves the old scp protocol to the client that sent `command` (parse_invocation() takes it),
// writes to `in` and reads from `out`. Meant to be all that a process does: it already has the
// user's ids, umask, $HOME and, as working directory, the place where relative paths start. Ignores
// SIGPIPE in the process. Returns the exit code: 0 when all was copied, else 1; what failed has
// been told to the client, in the protocol.
int serve(std::string_view command, int in, int out);

}  // namespace rdev::scp
