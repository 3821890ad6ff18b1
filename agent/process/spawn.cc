#include "agent/process/spawn.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "agent/process/child_side.h"
#include "agent/process/spare.h"
#include "protocol/base/fd.h"

namespace rdev::process {
namespace {

// The parent's handlers must not run in the child before it has put them back: Asio's would write
// to a pipe that both share.
class SignalsBlocked final {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

pid_t fork_child(const Prepared& prepared) {
  const SignalsBlocked blocked;
  const pid_t pid = ::fork();
  if (pid == 0) {
    run_child(prepared);
  }
  return pid;
}

std::string what_failed(const Command& command, const Report& report) {
  const std::string& program = command.program;
  switch (report.step) {
    case Step::kSession:
      return "cannot start a session for " + program;
    case Step::kTerminal:
      return "cannot take the terminal for " + program;
    case Step::kFds:
      return "cannot set up the input and output of " + program;
    case Step::kIdentity:
      return "cannot become uid " + std::to_string(command.identity->uid);
    case Step::kExec:
      break;
  }
  return "cannot run " + program;
}

SpawnError explain(const Command& command, const Report& report) {
  const bool absent = report.error == ENOENT || report.error == ENOTDIR;
  if (report.step == Step::kExec && absent && command.program.find('/') == std::string::npos) {
    return {.exit_code = kNotFound, .message = command.program + ": command not found"};
  }
  std::string message = what_failed(command, report) + ": " + std::strerror(report.error);
  if (report.step == Step::kExec && report.error == E2BIG) {
    message += " (Linux takes at most 131071 bytes in one argument: send it on stdin instead)";
  }
  if (report.step == Step::kExec && report.error == ENOEXEC) {
    message += " (a script needs a first line such as #!/bin/sh; a program, this kind of machine)";
  }
  if (report.step == Step::kExec && report.error == ENOENT) {
    // A file that is there fails so when its interpreter is not.
    message += " (or its interpreter is missing)";
  }
  return {.exit_code = report.step == Step::kExec && absent ? kNotFound : kCannotRun,
          .message = std::move(message)};
}

SpawnError cannot(std::string_view what, int error) {
  return {.exit_code = kCannotRun, .message = fail_errno(what, error).value().message};
}

// fork(2): at a limit of processes, threads or memory.
bool no_room(int error) { return error == EAGAIN || error == ENOMEM; }

SpawnError cannot_fork(int error) {
  SpawnError result = cannot("cannot start a process", error);
  if (no_room(error)) {
    result.message += " (the job has as many processes, or as much memory, as it may: end some)";
  }
  return result;
}

}  // namespace

awaitable<tl::expected<Child, SpawnError>> spawn(Reaper& reaper, const JobLimits& limits,
                                                 Command command, Spare* spare) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    co_return tl::make_unexpected(cannot("cannot make a pipe", errno));
  }
  base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  const Prepared prepared(command, limits, write_end.get());
  const pid_t pid = fork_child(prepared);
  const int error_of_fork = errno;
  std::optional<Child> child;
  if (pid > 0) {
    child = reaper.watch(pid);
    if (spare != nullptr) {
      spare->room_seen();
    }
  } else if (spare != nullptr && no_room(error_of_fork)) {
    child = co_await spare->become(command, limits, write_end.get());
  }
  write_end.reset();
  if (!child) {
    co_return tl::make_unexpected(cannot_fork(error_of_fork));
  }

  asio::posix::stream_descriptor reports(co_await asio::this_coro::executor, read_end.release());
  Report report;
  // Less than sizeof report: the pipe's end, which execve(2) closed.
  const auto [error, n] =
      co_await reports.async_read_some(asio::buffer(&report, sizeof report), use_tuple);
  if (n == sizeof report) {
    co_return tl::make_unexpected(explain(command, report));
  }
  co_return *std::move(child);
}

}  // namespace rdev::process
