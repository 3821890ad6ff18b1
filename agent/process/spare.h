#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "agent/process/reaper.h"
#include "agent/process/spawn.h"
#include "protocol/base/asio.h"

namespace rdev::process {

// A process that waits to become a command when fork(2) fails: at a container's limit of processes
// or memory one more session opens, from which something can be ended. It is the agent's own
// program, newly executed, so that it holds neither the agent's memory nor its descriptors.
class Spare final {
 public:
  // `program`: the agent's own file, borrowed.
  Spare(const asio::any_io_executor& executor, Reaper& reaper, int program)
      : reaper_(reaper), program_(program), retry_(executor) {}
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  ~Spare() = default;

  // Keeps one at hand, until cancelled; then it ends. Without room for one it tries again, ever
  // less often.
  awaitable<void> keep();

  // There was room for a process just now: keep() need not wait with its next try.
  void room_seen();

  // Makes the spare run `command`, with `report_fd` as in child_side.h. Nothing when there is none.
  awaitable<std::optional<Child>> become(const Command& command, const JobLimits& limits,
                                         int report_fd);

 private:
  struct Waiting;
  awaitable<std::shared_ptr<Waiting>> start();

  Reaper& reaper_;
  const int program_;
  asio::steady_timer retry_;
  std::shared_ptr<Waiting> waiting_;  // shared with keep(), which waits for its end
};

// The spare's own side, on the socket that is its standard input; its exit code.
inline constexpr const char* kSpareArgument = "internal-spare";
int run_spare(int socket);

}  // namespace rdev::process
