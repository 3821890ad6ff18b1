#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rdev::ssh {

// RFC 4648 section 4, on one line, with padding.
std::string base64(std::string_view bytes);
// Nothing when `text` is not exactly that.
std::optional<std::string> unbase64(std::string_view text);

}  // namespace rdev::ssh
