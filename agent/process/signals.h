#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rdev::process {

// A signal by its name without SIG (RFC 4254 section 6.9, and the others of signal(7)); nothing for
// a name that it does not know.
std::optional<int> signal_number(std::string_view name);

// "TERM" for SIGTERM. A signal that RFC 4254 does not list is "NAME@rdev" ("34@rdev" when it has no
// name), as the RFC asks of local names.
std::string signal_name(int number);

}  // namespace rdev::process
