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
};
// From the text of /proc/PID/stat; the command in it may hold anything.
std::optional<ProcessStat> parse_stat(const std::string& text);
// nullopt when there is no such process.
std::optional<ProcessStat> stat_of(pid_t pid);
// All that can be seen, zombies left out.
std::vector<ProcessStat> all_processes();

// A variable of the environment that the process was started with. nullopt also when it may not be
// read (another user's).
std::optional<std::string> environment_variable(pid_t pid, const std::string& name);
std::optional<std::string> find_variable(const std::string& environ_block, const std::string& name);

bool is_alive(const ProcessId& id);
// A pidfd: readable when the process has ended. Empty when it has ended already.
base::Fd open_process(const ProcessId& id);
// Through a pidfd, so never to a process that took over the number. Fine when it has ended.
Result<void> send_signal(const ProcessId& id, int signal);

// When it was started, by this machine's clock.
std::int64_t started_unix_s(const ProcessId& id);

}  // namespace rdev::cluster
