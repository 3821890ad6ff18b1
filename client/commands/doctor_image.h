#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/commands/doctor_report.h"
#include "client/commands/env_diff.h"
#include "client/sftp/packet.h"

namespace rdev::commands {

// What a session of a job sees, as far as it can be told without running anything there.
struct JobView {
  Variables environment;                            // of its sessions
  std::map<std::string, sftp::Attributes> files;    // those of files_of_interest() that exist
  std::string identity;                             // /proc/self/status; empty: cannot be read
  std::string mounts;                               // /proc/self/mountinfo; the same
  std::optional<sftp::FileSystem> root, temporary;  // "/" and /tmp
};

// Absolute paths that judge() wants to know of.
std::vector<std::string> files_of_interest(const Variables& environment);

// What is there, and of what is not what does not work without it.
Findings judge(const JobView& view);

}  // namespace rdev::commands
