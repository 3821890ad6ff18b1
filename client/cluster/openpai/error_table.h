#pragma once

#include <span>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// A reason that the server is known to give. In `why` and `cure`: %1 to %3 what stands at the stars
// of `message`, %M the first line of the server's message, %C and %U cluster and user as Words has
// them, %R when the server wants to be asked again.
struct Known {
  int status;                // 0: any
  std::string_view code;     // empty: any
  std::string_view message;  // begins so, '*' is any text; empty: any
  Code error;
  std::string_view why;
  std::string_view cure;
};

// A complaint of the schema, by the last part of its path.
struct Misfit {
  std::string_view last;
  std::string_view cure;
};

// The first row that fits counts.
std::span<const Known> known_refusals();
// By status alone, for answers that give no reason.
std::span<const Known> silent_refusals();
std::span<const Misfit> known_misfits();

}  // namespace rdev::cluster::openpai
