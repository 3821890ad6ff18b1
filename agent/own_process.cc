#include "agent/own_process.h"

#include <fcntl.h>
#include <nss.h>
#include <openssl/crypto.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "protocol/base/file.h"

namespace rdev::agent {
namespace {

// The image's openssl.cnf may switch algorithms off or name modules to load. libssh initialises
// OpenSSL in a constructor of its own, so this must be an earlier one.
[[gnu::constructor(101)]] void ignore_openssl_config() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

// Enough for thousands of sessions; more makes programs slow that close all they might have.
constexpr rlim_t kFiles = 65536;
constexpr const char* kOomScore = "/proc/self/oom_score_adj";
constexpr const char* kProtectedScore = "-500";

std::optional<rlimit> raise_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return std::nullopt;
  }
  rlimit raised = limit;
  raised.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kFiles));
  ::setrlimit(RLIMIT_NOFILE, &raised);
  return limit;
}

// The score before, when it could be lowered: only then children need it back.
std::optional<std::string> lower_oom_score() {
  auto before = base::read_file(kOomScore, 32);
  const base::Fd fd(::open(kOomScore, O_WRONLY | O_CLOEXEC));
  if (!before || !fd) {
    return std::nullopt;
  }
  const std::string_view score(kProtectedScore);
  if (::write(fd.get(), score.data(), score.size()) < 0) {
    return std::nullopt;
  }
  return *before;
}

base::Fd open_own_program() {
  base::Fd program(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!program) {
    // Without a /proc: the path that execve(2) was given.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how getauxval(3) gives a string
    const auto* path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    program.reset(path != nullptr ? ::open(path, O_PATH | O_CLOEXEC) : -1);
  }
  return program;
}

}  // namespace

void open_standard_fds() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) {
      continue;
    }
    // The lowest free number is `fd`. An image may have no /dev/null; a socket that is connected to
    // nothing does as well.
    if (::open("/dev/null", O_RDWR) < 0) {
      (void)::socket(AF_UNIX, SOCK_STREAM, 0);
    }
  }
}

void pin_name_services() {
  __nss_configure_lookup("passwd", "files");
  __nss_configure_lookup("group", "files");
  __nss_configure_lookup("initgroups", "files");
  __nss_configure_lookup("hosts", "files dns");
}

OwnProcess prepare_own_process() {
  OwnProcess own;
  own.environment = process::Environment::current();
  own.program = open_own_program();
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  own.limits.files = raise_files();
  own.limits.oom_score_adj = lower_oom_score();
  return own;
}

}  // namespace rdev::agent
