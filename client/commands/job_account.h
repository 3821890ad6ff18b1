#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/sftp/packet.h"

namespace rdev::commands {

// Who a process is, from its /proc/PID/status (proc(5)).
struct JobAccount {
  std::uint32_t uid = 0, gid = 0;  // those that files are opened with
  std::vector<std::uint32_t> groups;
  bool overrides = false;  // CAP_DAC_OVERRIDE: permissions do not hold it up
};
// Fields that are not there are 0, or root's.
JobAccount parse_account(std::string_view status);

// By its permissions, as rwx bits: 2 is w. What is not known of the file is allowed.
bool may(const JobAccount& account, const sftp::Attributes& file, std::uint32_t rwx);

// Options of the mount that `path` (absolute, no symbolic links) is on, from /proc/PID/mountinfo:
// "rw,noexec,relatime"; empty when it is not known.
std::string mount_options(std::string_view mountinfo, std::string_view path);
bool has_option(std::string_view options, std::string_view option);

}  // namespace rdev::commands
