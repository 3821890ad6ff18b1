#pragma once

#include <functional>

#include "client/cluster/clusters.h"
#include "client/state/paths.h"
#include "protocol/base/asio.h"

namespace rdev::commands {

// What every command works with.
struct Context {
  asio::any_io_executor executor;
  state::Paths paths;
  cluster::Clusters clusters;
};

// Runs one command on a loop of its own and prints its error, if any, as "rdev: …". Returns the
// exit code: the command's own, 2 for Code::kUsage, else `failed`.
using Work = std::function<awaitable<Result<int>>(Context&)>;
int run(const Work& work, int failed = 1);

// To stdout, all of it: an error that nobody sees would pass for success.
Result<void> print(const std::string& text);
// A line to stderr, "rdev: …".
void note(const std::string& text);

}  // namespace rdev::commands
