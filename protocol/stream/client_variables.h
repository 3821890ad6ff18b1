#pragma once

#include <string_view>

namespace rdev::stream {

// What an SSH client may bring along (RFC 4254 section 6.4): locale, colours, git's own.
bool client_may_set(std::string_view name);

}  // namespace rdev::stream
