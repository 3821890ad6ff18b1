#pragma once

#include <string>
#include <vector>

#include "client/commands/context.h"
#include "client/commands/job_plan.h"
#include "client/commands/run_script.h"
#include "client/commands/verb.h"

namespace rdev::commands {

// The command line of `rdev job run`, and of what runs a command that it makes itself.
struct RunOptions {
  UpOptions up;
  std::vector<std::string> sources, ports, results;
  RunScript script;
  bool follow = false;
  std::vector<std::string> own_sources;  // come too, whatever the defaults say
};

// What CMD needs and where it runs.
void add_run_options(CLI::App& verb, RunOptions& options);

awaitable<Result<int>> run_job(Context& context, RunOptions& options);

}  // namespace rdev::commands
