#include "agent/job_command.h"

#include "agent/process/spawn.h"
#include "protocol/base/log.h"

namespace rdev::agent {

awaitable<int> run_job_command(process::Reaper& reaper, const OwnProcess& own,
                               std::vector<std::string> argv) {
  process::Command command{.program = argv.front(), .argv = argv, .environment = own.environment};
  const auto child = co_await process::spawn(reaper, own.limits, std::move(command));
  if (!child) {
    base::log_error("the job's command did not start", {{"why", child.error().message}});
    co_return child.error().exit_code;
  }
  base::log_info("the job's command runs", {{"pid", child->pid()}});
  const process::Ended ended = co_await child->wait();
  base::log_info("the job's command ended", {{"code", ended.shell_code()}});
  co_return ended.shell_code();
}

}  // namespace rdev::agent
