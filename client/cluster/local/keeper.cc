#include "client/cluster/local/keeper.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/cluster/local/argv.h"
#include "client/cluster/local/labels.h"
#include "protocol/base/file.h"

namespace rdev::cluster {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// How long the agent has after SIGTERM before SIGKILL.
constexpr std::chrono::seconds kGrace{5};

sigset_t kept_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    sigaddset(&set, signal);
  }
  return set;
}

[[noreturn]] void become_agent(const std::vector<std::string>& words, pid_t keeper) {
  // A keeper that is killed takes the agent with it; the job is then seen as ended.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != keeper) {
    ::_exit(1);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(words[0].c_str(), argv_of(words).data());
  std::fprintf(stderr, "cannot run %s: %s\n", words[0].c_str(), std::strerror(errno));
  ::_exit(127);
}

// waitpid() for all that has ended; the status of `agent` if it is among them.
std::optional<int> reap(pid_t agent) {
  std::optional<int> ended;
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == agent) {
      ended = status;
    }
  }
  return ended;
}

// Until the agent has ended; SIGTERM is passed on, and after kGrace insisted on.
int keep(pid_t agent) {
  const sigset_t signals = kept_signals();
  std::optional<Clock::time_point> deadline;
  for (;;) {
    int signal = 0;
    if (deadline) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::max<Clock::duration>(*deadline - Clock::now(), Clock::duration::zero()));
      const timespec wait{.tv_sec = left.count() / 1'000'000'000,
                          .tv_nsec = left.count() % 1'000'000'000};
      signal = ::sigtimedwait(&signals, nullptr, &wait);
    } else {
      signal = ::sigwaitinfo(&signals, nullptr);
    }
    if (signal == SIGCHLD) {
      if (const auto status = reap(agent)) {
        return *status;
      }
    } else if (signal == SIGTERM || signal == SIGINT) {
      ::kill(agent, SIGTERM);
      deadline = deadline.value_or(Clock::now() + kGrace);
    } else if (signal < 0 && errno == EAGAIN) {
      ::kill(agent, SIGKILL);
      deadline.reset();
    }
  }
}

std::string exit_text(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) + "\n"
                             : "code " + std::to_string(WEXITSTATUS(status)) + "\n";
}

int complain(const Error& error) {
  std::fprintf(stderr, "rdev: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int run_keeper(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) {
    return complain({Code::kUsage, "local-keeper is for rdev's own use"});
  }
  const fs::path dir = arguments[0];
  const char* job_id = std::getenv(kJobIdLabel);
  const std::string id = job_id == nullptr ? "" : job_id;
  ::prctl(PR_SET_NAME, "rdev-keeper");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const sigset_t signals = kept_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::unsetenv(kKeeperSocketLabel);
  ::unsetenv(kKeeperHostKeyLabel);

  std::vector<std::string> words = {arguments[1], "serve", "--config",
                                    agent_config_file(dir).string()};
  if (arguments.size() > 2) {
    words.emplace_back("--");
    words.insert(words.end(), arguments.begin() + 2, arguments.end());
  }
  const pid_t keeper = ::getpid();
  const pid_t agent = ::fork();
  if (agent == 0) {
    become_agent(words, keeper);
  }
  if (agent < 0) {
    return complain({Code::kFailed, std::string("cannot fork: ") + std::strerror(errno)});
  }
  const int status = keep(agent);
  const auto killed = kill_job(id, keeper);
  const auto written = base::write_file_atomic(dir / "exit", exit_text(status), 0600);
  if (!killed || !written) {
    return complain(killed ? written.error() : killed.error());
  }
  return 0;
}

fs::path agent_config_file(const fs::path& dir) { return dir / "agent.config"; }
fs::path log_file(const fs::path& dir) { return dir / "log"; }

std::optional<JobStatus> read_exit(const fs::path& dir) {
  const auto text = base::read_file(dir / "exit", 64);
  int number = 0;
  if (text && std::sscanf(text->c_str(), "code %d", &number) == 1) {
    return JobStatus{.state = JobState::kEnded,
                     .exit_code = number,
                     .reason = number == 0 ? "" : "it ended with code " + std::to_string(number)};
  }
  if (text && std::sscanf(text->c_str(), "signal %d", &number) == 1) {
    return JobStatus{.state = JobState::kEnded,
                     .exit_code = 128 + number,
                     .reason = "its agent was killed by signal " + std::to_string(number) + " (" +
                               ::strsignal(number) + ")"};
  }
  return std::nullopt;
}

}  // namespace rdev::cluster
