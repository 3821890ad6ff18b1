#pragma once

#include <string>
#include <vector>

#include "agent/process/spawn.h"

namespace rdev::process {

// Which step of the child failed.
enum class Step : int { kSession, kTerminal, kFds, kIdentity, kExec };

// What the child writes to the report pipe when it could not become the program.
struct Report {
  Step step = Step::kExec;
  int error = 0;
};

// Everything the child needs, laid out before fork(2): after it, in a process that had threads,
// only async-signal-safe functions may run, so nothing may allocate.
struct Prepared {
  Prepared(const Command& command, const JobLimits& limits, int report_fd);

  const Command& command;
  const JobLimits& limits;
  int report_fd;
  std::vector<std::string> paths;  // to try, in order
  std::vector<char*> argv, environment;
  std::string directory_warning;
};

// Becomes the program, or reports why not and exits with 127.
[[noreturn]] void run_child(const Prepared& prepared) noexcept;

}  // namespace rdev::process
