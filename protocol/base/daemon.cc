#include "protocol/base/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "protocol/base/relay.h"
#include "protocol/base/with_timeout.h"

namespace rdev::base {
namespace {

// What comes through the pipe: kReady, or a Code as one byte and a sentence.
constexpr char kReady = 'R';
constexpr int kReadyFd = 3;
constexpr std::size_t kMaxSentence = 65536;

// All that the new process needs, made before fork(): after it only async-signal-safe calls may
// follow, because there may be threads.
struct Plan {
  explicit Plan(const DaemonOptions& options) : program(options.program.string()) {
    words.push_back(program);
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string_view text(*variable);
      bool replaced = false;
      for (const auto& [name, value] : options.variables) {
        replaced = replaced || text.substr(0, text.find('=')) == name;
      }
      if (!replaced) {
        variables.emplace_back(text);
      }
    }
    for (const auto& [name, value] : options.variables) {
      variables.push_back(std::string(name).append("=").append(value));
    }
    argv = pointers(words);
    envp = pointers(variables);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) {
      list.push_back(text.data());
    }
    list.push_back(nullptr);
    return list;
  }

  std::string program;
  std::vector<std::string> words, variables;
  std::vector<char*> argv, envp;
};

[[noreturn]] void become(const Plan& plan, int null, int log, int pipe) {
  sigset_t none;
  sigemptyset(&none);
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // `null`, `log` and `pipe` are above 3.
  ::dup2(null, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::dup2(pipe, kReadyFd);
  ::close_range(kReadyFd + 1, ~0U, 0);
  (void)::chdir("/");
  ::execve(plan.program.c_str(), plan.argv.data(), plan.envp.data());
  const char code = static_cast<char>(Code::kFailed);
  const char* why = ::strerrordesc_np(errno);
  (void)::write(kReadyFd, &code, 1);
  (void)::write(kReadyFd, "cannot run it: ", 15);
  (void)::write(kReadyFd, why, ::strlen(why));
  ::_exit(127);
}

// Out of the way of 0 to 3.
Fd raised(Fd fd) { return Fd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kReadyFd + 1) : -1); }

// The process; the reading end of its pipe.
Result<Fd> launch(const DaemonOptions& options) {
  const Plan plan(options);
  const Fd null = raised(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  const Fd log = raised(Fd(
      ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)));
  if (!log) {
    return fail_errno("cannot open " + options.log.string());
  }
  int ends[2];
  if (!null || ::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno("cannot make a pipe");
  }
  Fd reading(ends[0]);
  const Fd writing = raised(Fd(ends[1]));
  if (!writing) {
    return fail_errno("cannot make a pipe");
  }
  const pid_t child = ::fork();
  if (child < 0) {
    return fail_errno("cannot fork");
  }
  if (child == 0) {
    ::setsid();
    // Twice: the daemon's parent is init, which buries it.
    const pid_t daemon = ::fork();
    if (daemon == 0) {
      become(plan, null.get(), log.get(), writing.get());
    }
    ::_exit(daemon < 0 ? 1 : 0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) {
    return fail(Code::kLimit, "cannot fork");
  }
  return reading;
}

awaitable<Result<void>> wait_for_word(Fd pipe, std::string log) {
  asio::posix::stream_descriptor reader(co_await asio::this_coro::executor, pipe.release());
  std::string said;
  char buffer[4096];
  for (;;) {
    const auto [error, n] = co_await reader.async_read_some(asio::buffer(buffer), use_tuple);
    said.append(buffer, n);
    if (error || said.size() > kMaxSentence || (!said.empty() && said[0] == kReady)) {
      break;
    }
  }
  if (said.empty()) {
    co_return fail(Code::kFailed, "it ended at once; see " + log);
  }
  if (said[0] == kReady) {
    co_return Result<void>{};
  }
  const int code = said[0];
  co_return fail(code <= static_cast<int>(Code::kLimit) ? static_cast<Code>(code) : Code::kFailed,
                 said.substr(1));
}

}  // namespace

awaitable<Result<void>> start_daemon(DaemonOptions options) {
  auto pipe = launch(options);
  if (!pipe) {
    co_return prefix("cannot start " + options.program.string(), pipe.error());
  }
  co_return co_await with_timeout(wait_for_word(std::move(*pipe), options.log.string()),
                                  options.limit, "starting " + options.program.string());
}

ReadyPipe::ReadyPipe() {
  struct stat status{};
  if (::fstat(kReadyFd, &status) == 0 && S_ISFIFO(status.st_mode)) {
    ::fcntl(kReadyFd, F_SETFD, FD_CLOEXEC);
    pipe_.reset(kReadyFd);
  }
}

void ReadyPipe::ready() {
  if (pipe_) {
    (void)write_all(pipe_.get(), &kReady, 1);
    pipe_.reset();
  }
}

void ReadyPipe::failed(const Error& error) {
  if (pipe_) {
    const std::string said = static_cast<char>(error.code) + error.message;
    (void)write_all(pipe_.get(), said.data(), std::min(said.size(), kMaxSentence));
    pipe_.reset();
  }
}

}  // namespace rdev::base
