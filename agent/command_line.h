#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/by_hand.h"
#include "agent/handed_over.h"
#include "protocol/base/result.h"

namespace rdev::agent {

enum class Subcommand { kServe, kStatus, kStop, kStdio };

struct Arguments {
  Subcommand subcommand{};
  std::string config;
  ByHand by_hand;
  HandedOver handed;
  bool json = false;
  std::vector<std::string> command;  // what follows "--"
};

// Or a text to print: help, version.
using CommandLine = std::variant<Arguments, std::string>;

// `words` without argv[0]. The error is Code::kUsage and names what is wrong.
Result<CommandLine> parse_command_line(std::span<const std::string_view> words);

}  // namespace rdev::agent
