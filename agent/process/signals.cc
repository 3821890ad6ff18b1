#include "agent/process/signals.h"

#include <csignal>
#include <cstring>

namespace rdev::process {
namespace {

constexpr int kListed[] = {SIGABRT, SIGALRM, SIGFPE,  SIGHUP,  SIGILL,  SIGINT, SIGKILL,
                           SIGPIPE, SIGQUIT, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2};

}  // namespace

std::optional<int> signal_number(std::string_view name) {
  if (name.starts_with("SIG")) {
    name.remove_prefix(3);
  }
  for (int number = 1; number < NSIG; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) {
      return number;
    }
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* known = ::sigabbrev_np(number);
  std::string name = known != nullptr ? known : std::to_string(number);
  for (const int listed : kListed) {
    if (listed == number) {
      return name;
    }
  }
  return name + "@rdev";
}

}  // namespace rdev::process
