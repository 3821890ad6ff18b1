#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"

namespace rdev::commands {

// What may be written behind a command: for manual pages and completions, taken from the table of
// commands and the options that they declare.
struct OptionWords {
  std::vector<std::string> names;  // "-f", "--follow"; of a positional one its name, "NAME"
  std::string text;
  std::vector<std::string> choices;  // all that its value may be; empty: anything
  bool is_positional = false;
  bool is_required = false;
  bool takes_value = false;
  bool repeats = false;
};

struct CommandWords {
  std::string path;  // "rdev cluster add"
  std::string name;  // "add"
  std::string text;
  std::string example;
  bool takes_command = false;  // `-- CMD…` may follow
  std::vector<OptionWords> options;
  std::vector<CommandWords> actions;  // the subcommands

  // Whether one of its words is the name of a job, or of a cluster.
  enum class Names { kNone, kJobs, kClusters };
  Names names() const;
};

// By the table's order.
std::vector<CommandWords> words_of_commands();

// The commands and all below them, the outer ones first; they stay in `commands`.
std::vector<const CommandWords*> with_actions(const std::vector<CommandWords>& commands);
std::vector<const CommandWords*> with_actions(std::vector<CommandWords>&&) = delete;

}  // namespace rdev::commands
