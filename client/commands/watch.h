#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "client/commands/context.h"
#include "client/ui/look.h"

namespace rdev::commands {

// What is shown now, and whether it is the last of it.
struct Picture {
  std::string text;
  bool is_last = false;
};

// Shows what `draw` says, again and again. On a terminal in its place, as long as it is there, cut
// to the screen; elsewhere each change below the one before. An error of the way there is shown and
// may pass; any other ends it.
awaitable<Result<void>> watch(std::chrono::milliseconds pause,
                              std::function<awaitable<Result<Picture>>(const ui::Look&)> draw);

}  // namespace rdev::commands
