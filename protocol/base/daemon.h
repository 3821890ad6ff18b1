#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::base {

struct DaemonOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;  // without argv[0]
  // Set in its environment, which is otherwise the caller's.
  std::vector<std::pair<std::string, std::string>> variables;
  std::filesystem::path log;  // stdout and stderr are appended; made with mode 0600
  std::chrono::seconds limit{20};
};

// Starts a process that outlives this one and is no child of it: in a session of its own, at the
// root directory, with no descriptor and no signal setting of the caller's. Resolves when it has
// said through its ReadyPipe that it is ready; the error is its own where it told one.
awaitable<Result<void>> start_daemon(DaemonOptions options);

// In the process that start_daemon() started. Started by hand, it has nobody to tell.
class ReadyPipe final {
 public:
  // Once, before anything is opened.
  ReadyPipe();
  ReadyPipe(const ReadyPipe&) = delete;
  ReadyPipe& operator=(const ReadyPipe&) = delete;
  // Unsaid, it counts as failed.
  ~ReadyPipe() = default;

  void ready();
  void failed(const Error& error);

 private:
  Fd pipe_;
};

}  // namespace rdev::base
