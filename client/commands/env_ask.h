#pragma once

#include <vector>

#include "client/commands/env_diff.h"
#include "client/link/attach.h"

namespace rdev::commands {

// The environments of a terminal, of commands, of SFTP and of the job's own command, in this order.
// A shell that does not answer within 10 s is told of in the note; the agent's word stands for it.
// Nothing of what was started for this keeps running, apart from what left its process group.
awaitable<Result<std::vector<SeenEnvironment>>> ask_environments(link_process::Attached& link);

// Of a session without a shell, as the agent starts it: nothing is run for that.
awaitable<Result<Variables>> ask_session_environment(link_process::Attached& link);

// After one that was cancelled: waits, at most 1 s, until what it had started is killed.
awaitable<void> end_interrupted(link_process::Attached& link);

}  // namespace rdev::commands
