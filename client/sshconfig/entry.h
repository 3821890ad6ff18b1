#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "client/state/job_record.h"
#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::sshconfig {

// What stock ssh needs to reach one instance of a job.
struct Entry {
  std::string name;       // state::instance_name(); the host is "rdev-NAME"
  bool is_first = false;  // of several: the host is "rdev-NAME.0" as well
  std::string user;
  std::string host_public_key;   // "ssh-ed25519 AAAA…": the agent's
  std::string front_public_key;  // of the front on this laptop
  std::filesystem::path identity;
  std::filesystem::path known_hosts;
  std::filesystem::path rdev;  // the program that ProxyCommand runs
  // Passed on to it, so that it finds the same state whoever starts ssh. Empty values included.
  std::vector<std::pair<std::string, std::string>> variables;
};

using state::host_alias;

// Every path is quoted as ssh_config(5) and a POSIX shell want it; one with a double quote, a
// backslash or a control character has no spelling there and is Code::kUsage.
Result<std::string> render(const Entry& entry);

// The job's known_hosts file: its front and its agent, under the same name.
std::string render_known_hosts(const Entry& entry);

// state/ssh.d/NAME.conf: `ssh -F` takes it, and `Include …/*.conf` finds it.
std::filesystem::path entry_file(const state::Paths& paths, const std::string& job_name);

// Writes known_hosts of each of a job's instances (by rank) and one file of their entries, each in
// one step; the temporary names do not match *.conf.
Result<void> write_entries(const state::Paths& paths, const std::vector<Entry>& entries);
// Fine when there is none; what an interrupted write left goes as well.
Result<void> remove_entry(const state::Paths& paths, const std::string& job_name);

}  // namespace rdev::sshconfig
