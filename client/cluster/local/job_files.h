#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "client/cluster/cluster.h"

namespace rdev::cluster {

// Refuses what only a container can have, and names `--cluster docker`.
Result<void> check_local(const JobSpec& spec);

// The job's private directory with the agent's configuration (0400) in it, and the private
// directory of its socket. What an earlier job of that name left is removed first.
Result<void> make_job_files(const JobSpec& spec, const std::filesystem::path& dir,
                            const std::filesystem::path& socket);
// Fine when they are gone.
void remove_files(const std::filesystem::path& dir, const std::filesystem::path& socket);

// The user's environment without rdev's own variables, the job's over it, and the labels.
std::map<std::string, std::string> job_environment(const JobSpec& spec,
                                                   const std::filesystem::path& socket);

}  // namespace rdev::cluster
