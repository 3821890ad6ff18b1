#pragma once

#include <string>
#include <string_view>

namespace rdev::ui {

// `text` as JSON takes it: U+FFFD for each byte that is no part of valid UTF-8 (Unicode 15, table
// 3-7).
std::string valid_utf8(std::string_view text);

}  // namespace rdev::ui
