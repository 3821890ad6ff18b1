#pragma once

#include "client/commands/context.h"
#include "client/state/job_record.h"

namespace rdev::commands {

// Prints the job's log until it has ended, and returns the exit code of its command; Code::kFailed
// with the cluster's reason where it has none.
awaitable<Result<int>> follow_to_end(Context& context, const state::JobRecord& record);

}  // namespace rdev::commands
