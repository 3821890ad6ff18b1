#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::carrier {

// A program that we started, in a session of its own: a Ctrl-C at the terminal does not reach it.
class Child final {
 public:
  // argv[0] is looked up in PATH (Code::kNotFound). The descriptors stay the caller's.
  static Result<Child> spawn(const std::vector<std::string>& argv, int in, int out, int err);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  // Ends it if it runs: SIGTERM, half a second later SIGKILL.
  ~Child() { end(); }

  // Waits for its end; the exit code, or 128 + the signal. At most `limit_ms`, then it is ended.
  // -1 when its end is known already.
  int wait(int limit_ms);
  // True once it has ended, without waiting.
  bool is_over();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  void end();
  int reap();

  pid_t pid_;
};

}  // namespace rdev::carrier
