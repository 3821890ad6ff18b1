#include "agent/end_processes.h"

#include <chrono>
#include <csignal>

#include "agent/process/descendants.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent {
namespace {

// What processes get between SIGTERM and SIGKILL.
constexpr std::chrono::seconds kGrace{5};
constexpr std::chrono::milliseconds kKillStep{100};
constexpr int kKillSteps = 50;

awaitable<Result<void>> childless(process::Reaper& reaper) {
  co_await reaper.childless();
  co_return Result<void>();
}

}  // namespace

awaitable<void> end_processes(process::Reaper& reaper, services::Sessions& sessions) {
  process::signal_descendants(SIGTERM);
  sessions.hang_up();
  if (co_await base::with_timeout(childless(reaper), kGrace, "the end of the processes")) {
    co_return;
  }
  base::log_warning("killing what did not end on SIGTERM",
                    {{"processes", process::descendants().size()}});
  for (int step = 0; step < kKillSteps; ++step) {
    process::signal_descendants(SIGKILL);
    if (co_await base::with_timeout(childless(reaper), kKillStep, "the end of the processes")) {
      co_return;
    }
  }
  base::log_error("processes are left that SIGKILL does not end",
                  {{"processes", process::descendants().size()}});
}

}  // namespace rdev::agent
