#include "agent/process/child_side.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace rdev::process {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) {
    result.push_back(const_cast<char*>(text.c_str()));  // execve(2) does not write to them
  }
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void give_up(const Prepared& prepared, Step step) noexcept {
  const Report report{.step = step, .error = errno};
  // When the parent is gone there is nobody to tell.
  (void)!::write(prepared.report_fd, &report, sizeof report);
  ::_exit(kNotFound);
}

void default_signals() noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    ::sigaction(number, &action, nullptr);  // refuses KILL, STOP and glibc's own
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void restore_limits(const JobLimits& limits) noexcept {
  if (limits.oom_score_adj) {
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      (void)!::write(fd, limits.oom_score_adj->data(), limits.oom_score_adj->size());
      ::close(fd);
    }
  }
  if (limits.files) {
    ::setrlimit(RLIMIT_NOFILE, &*limits.files);
  }
}

// The raw calls: glibc's wrappers signal the threads of the parent that this process does not have.
bool become(const Identity& identity) noexcept {
  return ::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) == 0 &&
         ::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) == 0;
}

// Close-on-exec for all above 2, so that the report pipe still works.
void close_others() noexcept {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
    return;
  }
  // Kernels before 5.11.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const int end = static_cast<int>(std::min<rlim_t>(files.rlim_cur, 1 << 20));
  for (int fd = 3; fd < end; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

void enter_directory(const Prepared& prepared) noexcept {
  const std::string& directory = prepared.command.directory;
  if (directory.empty() || ::chdir(directory.c_str()) == 0) {
    return;
  }
  const std::string& warning = prepared.directory_warning;
  (void)!::write(2, warning.data(), warning.size());
  (void)!::chdir("/");
}

// As execvp(3): the first that can be executed; one that may not be is remembered.
void execute(const Prepared& prepared) noexcept {
  if (prepared.command.program_fd >= 0) {
    ::syscall(SYS_execveat, prepared.command.program_fd, "", prepared.argv.data(),
              prepared.environment.data(), AT_EMPTY_PATH);
    return;
  }
  int error = ENOENT;
  for (const std::string& path : prepared.paths) {
    ::execve(path.c_str(), prepared.argv.data(), prepared.environment.data());
    if (errno == ENOENT || errno == ENOTDIR) {
      continue;
    }
    error = errno;
    if (error != EACCES) {
      break;
    }
  }
  errno = error;
}

bool fds_in_place(const Command& command) noexcept {
  // None of them is 0, 1 or 2 itself unless it stays there: main() keeps those open.
  return ::dup2(command.in, 0) >= 0 && ::dup2(command.out, 1) >= 0 && ::dup2(command.err, 2) >= 0;
}

}  // namespace

Prepared::Prepared(const Command& c, const JobLimits& l, int fd)
    : command(c),
      limits(l),
      report_fd(fd),
      paths(candidates(c.program, c.environment.get("PATH").value_or(std::string(kDefaultPath)))),
      argv(pointers(c.argv)),
      environment(pointers(c.environment.entries())),
      directory_warning("rdev: cannot enter " + c.directory + ", starting in /\n") {}

void run_child(const Prepared& prepared) noexcept {
  const Command& command = prepared.command;
  default_signals();
  // The spare leads a session already.
  if (::getsid(0) != ::getpid() && ::setsid() < 0) {
    give_up(prepared, Step::kSession);
  }
  if (!fds_in_place(command)) {
    give_up(prepared, Step::kFds);
  }
  if (command.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) {
    give_up(prepared, Step::kTerminal);
  }
  restore_limits(prepared.limits);
  if (command.identity && !become(*command.identity)) {
    give_up(prepared, Step::kIdentity);
  }
  enter_directory(prepared);
  close_others();
  execute(prepared);
  give_up(prepared, Step::kExec);
}

}  // namespace rdev::process
