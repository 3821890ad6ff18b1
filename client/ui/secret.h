#pragma once

#include <string>

#include "protocol/base/result.h"

namespace rdev::ui {

// A line from the user's terminal, not shown as it is typed. Code::kUnavailable where there is no
// terminal, Code::kCancelled for Ctrl-C and an end of input.
Result<std::string> ask_secret(const std::string& question);

// The first line of `fd`, at most 64 KiB.
Result<std::string> read_secret(int fd);

}  // namespace rdev::ui
