#pragma once

#include <string>
#include <vector>

#include "client/commands/context.h"
#include "client/commands/run_script.h"
#include "client/state/job_record.h"

namespace rdev::commands {

// Prints the log of a job of `rdev job run` until it has ended, and brings its results (fetch.h).
// The exit code of its command, which is 1 for a 0 of which not all results have come. A signal
// leaves the job: the code is then 128 + its number.
awaitable<Result<int>> follow_run(Context& context, const state::JobRecord& record,
                                  const RunScript& script, const std::vector<std::string>& results);

}  // namespace rdev::commands
