#include "client/commands/command_words.h"

#include <algorithm>
#include <string_view>

namespace rdev::commands {
namespace {

// CLI11 shows what IsMember takes as "TEXT:{a,b}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}', begin);
  std::vector<std::string> choices;
  if (begin == std::string::npos || end == std::string::npos) {
    return choices;
  }
  std::string rest = type.substr(begin + 1, end - begin - 1);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    choices.push_back(rest.substr(0, comma));
    rest.erase(0, comma + 1);
  }
  return choices;
}

OptionWords words_of(const CLI::Option& option) {
  OptionWords words{.text = option.get_description(),
                    .choices = choices_of(option),
                    .is_positional = option.get_positional(),
                    .is_required = option.get_required(),
                    .takes_value = option.get_items_expected_max() > 0,
                    .repeats = option.get_items_expected_max() > 1};
  if (words.is_positional) {
    words.names.push_back(option.get_name(true, false));
  }
  for (const std::string& name : option.get_snames()) {
    words.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    words.names.push_back("--" + name);
  }
  return words;
}

// CLI11's footer of a command is "Example:\n  rdev …".
std::string example_in(std::string_view footer) {
  const std::size_t begin = footer.find("rdev");
  return std::string(begin == std::string_view::npos ? "" : footer.substr(begin));
}

CommandWords words_of(const CLI::App& app, const std::string& path, std::string name) {
  CommandWords words{.path = path + " " + name,
                     .name = std::move(name),
                     .text = app.get_description(),
                     .example = example_in(app.get_footer())};
  for (const CLI::Option* option : app.get_options()) {
    words.options.push_back(words_of(*option));
  }
  for (const CLI::App* action : app.get_subcommands({})) {
    words.actions.push_back(words_of(*action, words.path, action->get_name()));
  }
  return words;
}

void add_with_actions(const std::vector<CommandWords>& commands,
                      std::vector<const CommandWords*>& all) {
  for (const CommandWords& command : commands) {
    all.push_back(&command);
    add_with_actions(command.actions, all);
  }
}

}  // namespace

CommandWords::Names CommandWords::names() const {
  const bool takes_name =
      std::any_of(options.begin(), options.end(), [](const OptionWords& option) {
        return option.is_positional &&
               (option.names.front() == "NAME" || option.names.front() == "JOB");
      });
  if (!takes_name || path.starts_with("rdev storage ")) {  // which only the cluster knows
    return Names::kNone;
  }
  return path.starts_with("rdev cluster ") ? Names::kClusters : Names::kJobs;
}

std::vector<CommandWords> words_of_commands() {
  std::vector<CommandWords> all;
  for (const Command& command : command_table()) {
    CLI::App app(command.summary);
    (void)command.setup(app, {});
    all.push_back(words_of(app, "rdev", command.name));
    all.back().example = command.example;
    all.back().takes_command = command.kind == Command::Kind::kTakesCommand;
  }
  return all;
}

std::vector<const CommandWords*> with_actions(const std::vector<CommandWords>& commands) {
  std::vector<const CommandWords*> all;
  add_with_actions(commands, all);
  return all;
}

}  // namespace rdev::commands
