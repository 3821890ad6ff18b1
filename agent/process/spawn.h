#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/process/environment.h"
#include "agent/process/reaper.h"
#include "protocol/base/asio.h"

namespace rdev::process {

// What the agent changes for itself at its start and children get back.
struct JobLimits {
  std::optional<rlimit> files;               // RLIMIT_NOFILE
  std::optional<std::string> oom_score_adj;  // as /proc says it
};

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct Command {
  // Looked up in the environment's PATH unless it has a slash.
  std::string program;
  int program_fd = -1;  // borrowed; executed instead of `program` when it is set
  std::vector<std::string> argv;
  Environment environment;
  // "/" with a word on stderr when it cannot be entered; empty: the agent's own.
  std::string directory;
  std::optional<Identity> identity;  // to become; not given: the agent's own
  int in = 0, out = 1, err = 2;      // borrowed; they become 0, 1 and 2
  bool terminal = false;             // 0 is a terminal: becomes the controlling one
};

inline constexpr int kNotFound = 127, kCannotRun = 126;

// Why a command did not start, with the exit code that a shell would give.
struct SpawnError {
  int exit_code = kCannotRun;
  std::string message;
};

class Spare;

// Runs it in a new session and process group, with every signal at its default and no other fd; in
// `spare`, if there is one, when there is no room for another process.
// Resolves when execve(2) has succeeded or failed; a slow file system keeps only the caller
// waiting.
awaitable<tl::expected<Child, SpawnError>> spawn(Reaper& reaper, const JobLimits& limits,
                                                 Command command, Spare* spare = nullptr);

}  // namespace rdev::process
