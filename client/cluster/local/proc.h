#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::cluster {

// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot, /proc/PID/stat field 22

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

// "PID:TICKS", the local cluster's JobRef::native.
std::string to_text(const ProcessId& id);
std::optional<ProcessId> parse_process_id(const std::string& text);

struct ProcessStat {
  ProcessId id;
  pid_t parent = 0;
  char state = '?';  // 'Z' is a zombie: it has ended
  // Where its environment is; 0 while it is between two programs (execve), and when we may not
  // know.
  std::uint64_t environment_start = 0;
};
// From the text of /proc/PID/stat; the command in it may hold anything.
std::optional<ProcessStat> parse_stat(const std::string& text);
// nullopt when there is no such process.
std::optional<ProcessStat> stat_of(pid_t pid);
// All that can be seen, zombies left out.
std::vector<ProcessStat> all_processes();

// The environment that the process was started with, NUL after each variable. nullopt when it may
// not be read (another user's, or one that is not dumpable). Waits, some milliseconds at most, for
// a process that is between two programs, because it would seem to have none.
std::optional<std::string> environment_of(pid_t pid);
std::optional<std::string> find_variable(const std::string& environment, const std::string& name);

bool is_alive(const ProcessId& id);
// A pidfd: readable when the process has ended. Empty when it has ended already.
base::Fd open_process(const ProcessId& id);
// Through a pidfd, so never to a process that took over the number. Fine when it has ended.
Result<void> send_signal(const ProcessId& id, int signal);

// When it was started, by this machine's clock.
std::int64_t started_unix_s(const ProcessId& id);

}  // namespace rdev::cluster
