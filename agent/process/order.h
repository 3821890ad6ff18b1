#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/process/spawn.h"

namespace rdev::process {

// A Command and its limits on their way to the spare: everything but the descriptors, as strings
// that end with NUL, which none of them can hold.
struct Order {
  Command command;
  JobLimits limits;
};

std::string encode(const Command& command, const JobLimits& limits);
// `program_fd` of what comes out is 0 when there was one and -1 when not.
std::optional<Order> decode(std::string_view text);

}  // namespace rdev::process
