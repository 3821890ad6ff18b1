#include "client/carrier/child.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "protocol/base/fd.h"

extern char** environ;

namespace rdev::carrier {
namespace {

// Signals as a fresh program expects them, whatever we block or ignore.
void set_attributes(posix_spawnattr_t* attributes) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigemptyset(&all);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD}) {
    sigaddset(&all, signal);
  }
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setflags(attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

// True when the process has ended within the time. Kernels before 5.3 have no pidfd to wait for.
bool ended_within(pid_t pid, int limit_ms) {
  const base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int step_ms = pidfd ? limit_ms : 10;
  pollfd wait{pidfd.get(), POLLIN, 0};
  for (int waited_ms = 0; waited_ms < limit_ms; waited_ms += step_ms) {
    ::poll(&wait, pidfd ? 1 : 0, step_ms);
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == pid) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<Child> Child::spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  set_attributes(&attributes);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return fail_errno("cannot start " + argv[0], error);
  }
  return Child(pid);
}

int Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int Child::wait(int limit_ms) {
  if (pid_ < 0) {
    return -1;  // it has been waited for; a signal to "-1" would be for everybody
  }
  if (!ended_within(pid_, limit_ms)) {
    ::kill(pid_, SIGKILL);
  }
  return reap();
}

bool Child::is_over() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ < 0;
}

void Child::end() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    wait(500);
  }
}

}  // namespace rdev::carrier
