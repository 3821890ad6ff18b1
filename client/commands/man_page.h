#pragma once

#include <string>
#include <vector>

#include "client/commands/command_words.h"

namespace rdev::commands {

// Text for roff(7) that stands for itself: no requests, no escapes, ASCII only.
std::string roff(std::string_view text);

// rdev(1), and rdev-COMMAND(1) with all subcommands, in the man(7) macros.
std::string man_page(const std::vector<CommandWords>& commands);
std::string man_page(const CommandWords& command);

}  // namespace rdev::commands
