#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"
#include "protocol/base/result.h"

namespace rdev::commands {

// What is to run in a job, over its link.
struct RemoteCommand {
  std::string job;
  std::vector<std::string> argv;        // as it is, no shell; empty: the login shell
  std::string user;                     // empty: the agent's own
  std::vector<std::string> env;         // NAME=VALUE, or NAME to pass ours on
  std::vector<std::string> unexpected;  // words that are no option: a command without "--"
  bool terminal = false;
};

// Declares NAME and the options of both `exec` and `ssh`.
void add_remote_options(CLI::App& app, RemoteCommand& command);

// Code::kUsage when there are words that are no options.
Result<void> check_words(const RemoteCommand& command);

// Runs it with this process's input, outputs and signals. The exit code: the command's own, 128+N
// when a signal ended it or us, 255 when the link, the agent or the job has gone, 1 when the agent
// refuses.
int run_remote(const RemoteCommand& command);

}  // namespace rdev::commands
