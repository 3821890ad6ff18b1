#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/stream/stream.h"

namespace rdev::terminal {

// The link, the agent or the job has gone (as ssh says it), or the command ended in a way that has
// no code.
inline constexpr int kLinkFailed = 255;

// "TERM", also with the suffix of a name that RFC 4254 does not list ("BUS@rdev", "34@rdev").
std::optional<int> signal_number(std::string_view name);
// "TERM" for SIGTERM.
std::string signal_name(int number);

// What the program exits with for the command: as a shell says it.
int exit_code(const stream::ExitStatus& end);
int exit_code(const stream::ExitSignal& end);

// "the command was killed by SIGSEGV (core dumped)".
std::string killed_sentence(const stream::ExitSignal& end);

}  // namespace rdev::terminal
