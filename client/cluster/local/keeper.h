#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/cluster/local/proc.h"

namespace rdev::cluster {

// The keeper is the root of a local job's process tree: this same program, in a session of its own,
// run as `PROGRAM local-keeper DIR AGENT COMMAND…`. It starts the agent, passes SIGTERM on, takes
// in orphans, and when the agent has ended kills what is left and writes how it ended to DIR/exit.
inline constexpr char kKeeperCommand[] = "local-keeper";
int run_keeper(const std::vector<std::string>& arguments);

struct KeeperOptions {
  std::filesystem::path program;  // that has the keeper's command
  std::filesystem::path agent;
  std::filesystem::path dir;  // private; the log, the agent's configuration, the exit file
  std::filesystem::path working_directory;
  std::vector<std::string> command;
  std::map<std::string, std::string> env;  // all of it
};
Result<ProcessId> start_keeper(const KeeperOptions& options);

std::filesystem::path agent_config_file(const std::filesystem::path& dir);
std::filesystem::path log_file(const std::filesystem::path& dir);

// How the agent ended, from DIR/exit; nullopt when the file is not there.
std::optional<JobStatus> read_exit(const std::filesystem::path& dir);

}  // namespace rdev::cluster
