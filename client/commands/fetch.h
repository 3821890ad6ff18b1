#pragma once

#include <string>
#include <vector>

#include "client/commands/context.h"
#include "client/commands/run_script.h"
#include "client/ui/progress.h"

namespace rdev::commands {

// What --fetch was given, without slashes at the end; Code::kUsage for what cannot be a result.
Result<std::vector<std::string>> result_paths(const std::vector<std::string>& given);

// Waits for the end of the job's command, brings the files and folders into the working directory,
// says what came, and lets the job end. Whether all were there; when one has been cut on its way
// (an error), the job keeps them.
awaitable<Result<bool>> fetch_results(Context& context, std::string job, const RunScript& script,
                                      const std::vector<std::string>& paths,
                                      ui::Progress& progress);

}  // namespace rdev::commands
