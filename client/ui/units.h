#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::ui {

// "512m", "8g", "1.5g", "1073741824": binary units b, k, m, g, t; "GiB" and "GB" are read as docker
// reads them, as binary. At least 1.
Result<std::uint64_t> parse_size(std::string_view text);

// "5h", "90m", "1h30m", "2d", "45s"; "none" is nullopt. At least 1 s, at most 10 years.
Result<std::optional<std::chrono::seconds>> parse_lifetime(std::string_view text);

// "0.42 s", "12.3 s", "1 m 05 s".
std::string format_elapsed(std::chrono::steady_clock::duration elapsed);
// "45s", "12m", "5h03m", "2d04h".
std::string format_age(std::chrono::seconds age);
// "just now", "45 s ago", "12 min ago", "3 h ago", "2 d ago".
std::string format_ago(std::chrono::seconds age);
// "0 B", "999 B", "1.2 kB", "12 kB", "300 MB": decimal, as networks count.
std::string format_bytes(std::uint64_t bytes);

}  // namespace rdev::ui
