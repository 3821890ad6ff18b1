#pragma once

#include <string>
#include <vector>

#include "agent/own_process.h"
#include "agent/process/reaper.h"
#include "protocol/base/asio.h"

namespace rdev::agent {

// Runs the command that the job is for, with the agent's directory, environment, input and output.
// Its exit code as a shell gives it, once it has ended or could not start; the log says which.
awaitable<int> run_job_command(process::Reaper& reaper, const OwnProcess& own,
                               std::vector<std::string> argv);

}  // namespace rdev::agent
