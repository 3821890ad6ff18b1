#include "client/terminal/exit_code.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>

namespace rdev::terminal {
namespace {

std::string_view without_suffix(std::string_view name) { return name.substr(0, name.find('@')); }

}  // namespace

std::optional<int> signal_number(std::string_view name) {
  name = without_suffix(name);
  for (int number = 1; number < NSIG; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) {
      return number;
    }
  }
  int number = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = error == std::errc() && rest == name.data() + name.size();
  return whole && number > 0 && number < NSIG ? std::optional(number) : std::nullopt;
}

std::string signal_name(int number) {
  const char* known = ::sigabbrev_np(number);
  return known != nullptr ? known : std::to_string(number);
}

int exit_code(const stream::ExitStatus& end) {
  return static_cast<int>(std::min<std::uint32_t>(end.code, 255));
}

int exit_code(const stream::ExitSignal& end) {
  const auto number = signal_number(end.name);
  return number ? 128 + *number : kLinkFailed;
}

std::string killed_sentence(const stream::ExitSignal& end) {
  const std::string_view name = without_suffix(end.name);
  const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
  return "the command was killed by " + std::string(is_number ? "signal " : "SIG") +
         std::string(name) + (end.core_dumped ? " (core dumped)" : "");
}

}  // namespace rdev::terminal
