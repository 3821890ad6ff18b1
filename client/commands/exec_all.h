#pragma once

#include "client/commands/remote_session.h"

namespace rdev::commands {

// Runs the command in all instances of a job at once, without input; each line of output has the
// rank in front. Signals go to all. The exit code is the highest of theirs (255: the link, the
// agent or the job has gone).
int run_in_all(const RemoteCommand& command);

}  // namespace rdev::commands
