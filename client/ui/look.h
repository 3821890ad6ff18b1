#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rdev::ui {

// What a descriptor shows.
struct Look {
  std::size_t columns = 0;  // that a line may have; 0: any number
  std::size_t rows = 0;     // of the screen; 0: endless
  bool colour = false;
};

// Of a terminal its size, and colours unless NO_COLOR is set (no-color.org) or it is a dumb one;
// else endless lines without colours.
Look look_of(int fd);

enum class Colour { kNone, kGood, kBad, kWaiting, kFaint };
// Of a job's state or a check's result, whatever cluster says it: "RUNNING" and "running" are good.
Colour colour_of(std::string_view word);
// `text` between the escapes of `colour`.
std::string painted(std::string_view text, Colour colour);

}  // namespace rdev::ui
