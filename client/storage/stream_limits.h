#pragma once

#include <chrono>

namespace rdev::storage {

// A file may take any time as long as it moves.
inline constexpr std::chrono::hours kCallLimit{24 * 30};
inline constexpr std::chrono::seconds kStallLimit{30};

}  // namespace rdev::storage
