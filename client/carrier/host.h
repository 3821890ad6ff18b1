#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::carrier {

// [USER@]HOST[:PORT], HOST in brackets when it is an IPv6 address; what is not there is empty.
struct Host {
  std::string user, host, port;
};
// Code::kUsage for what is none, and for what a program would take for an option.
Result<Host> parse_host(std::string_view text);

}  // namespace rdev::carrier
