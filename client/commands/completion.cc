#include <algorithm>
#include <map>
#include <memory>

#include "client/cluster/clusters.h"
#include "client/commands/command.h"
#include "client/commands/complete.h"
#include "client/commands/context.h"
#include "client/state/job_record.h"

namespace rdev::commands {
namespace {

struct Described {
  std::string name;  // "--json"
  std::string text;
};

struct CommandWords {
  Described command;
  std::vector<Described> options;
  std::string names;               // what prints the names that one of its words may be; or empty
  std::vector<Described> actions;  // one of its words is one of these
};

// Of a command, or of one of its subcommands.
void add_words_of(const CLI::App& app, CommandWords& words) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const bool known = std::any_of(words.options.begin(), words.options.end(),
                                     [&](const Described& o) { return o.name == "--" + name; });
      if (!known) {
        words.options.push_back({"--" + name, option->get_description()});
      }
    }
    if (option->get_name(true, false) == "NAME") {
      words.names = words.command.name == "cluster" ? kCompleteClusters : kCompleteJobs;
    }
  }
}

std::vector<CommandWords> words_of_all() {
  std::vector<CommandWords> all;
  for (const Command& command : command_table()) {
    CLI::App app;
    (void)command.setup(app, {});
    CommandWords words{.command = {command.name, command.summary}};
    add_words_of(app, words);
    for (const CLI::App* action : app.get_subcommands({})) {
      words.actions.push_back({action->get_name(), action->get_description()});
      add_words_of(*action, words);
    }
    if (words.command.name == "env") {
      words.actions.push_back({"diff", "Compare the environments"});
    }
    all.push_back(std::move(words));
  }
  return all;
}

std::string joined(const std::vector<Described>& list) {
  std::string text;
  for (const Described& item : list) {
    text += (text.empty() ? "" : " ") + item.name;
  }
  return text;
}

// Single quotes for sh and fish; neither summary nor description may end the string.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; ++at) {
    text[at] = '`';
  }
  return "'" + text + "'";
}

// In all three, what follows "--" is the job's: there is nothing to suggest.
std::string bash_script() {
  std::string names;
  std::string cases;
  for (const CommandWords& words : words_of_all()) {
    names += (names.empty() ? "" : " ") + words.command.name;
    const std::string actions = joined(words.actions);
    cases += "    " + words.command.name + ") words=\"" + joined(words.options) + "\";" +
             (words.names.empty()
                  ? ""
                  : " [[ $cur == -* ]] || words=\"" + actions + " $(rdev " + words.names + ")\";") +
             " ;;\n";
  }
  return "_rdev() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words word\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:0:COMP_CWORD}\"; do\n"
         "    [[ $word == -- ]] && return\n"
         "  done\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W \"" +
         names +
         " --help --version\" -- \"$cur\"))\n"
         "    return\n"
         "  fi\n"
         "  case $prev in\n"
         "    --cluster) COMPREPLY=($(compgen -W \"$(rdev complete-clusters)\" -- \"$cur\")); "
         "return ;;\n"
         "    --template|--mount) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
         "  esac\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "    completion) words=\"bash zsh fish\" ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _rdev rdev\n";
}

// zsh's _describe splits at ':', so those of the text are escaped.
std::string zsh_item(const Described& item) {
  std::string text;
  for (const char c : item.text) {
    text += c == ':' ? std::string("\\:") : std::string(1, c);
  }
  return "    " + quoted(item.name + ":" + text) + "\n";
}

std::string zsh_script() {
  std::string commands;
  std::string cases;
  for (const CommandWords& words : words_of_all()) {
    commands += zsh_item(words.command);
    cases += "    " + words.command.name + ")\n      options=(\n";
    for (const Described& option : words.options) {
      cases += "    " + zsh_item(option);
    }
    cases += "      )\n";
    cases += words.names.empty() ? "      ;;\n"
                                 : "      jobs=(" + joined(words.actions) + " ${(f)\"$(rdev " +
                                       words.names + ")\"}) ;;\n";
  }
  return "#compdef rdev\n"
         "_rdev() {\n"
         "  local -a commands options jobs\n"
         "  commands=(\n" +
         commands +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  ((${words[(i)--]} < CURRENT)) && return\n"
         "  if [[ $words[CURRENT-1] == --cluster ]]; then\n"
         "    compadd ${(f)\"$(rdev complete-clusters)\"}\n"
         "    return\n"
         "  fi\n"
         "  case $words[2] in\n" +
         cases +
         "  esac\n"
         "  [[ $words[2] == completion ]] && jobs=(bash zsh fish)\n"
         "  if [[ $PREFIX == -* ]]; then _describe option options; else compadd -a jobs; fi\n"
         "}\n"
         "if [[ $funcstack[1] == _rdev ]]; then _rdev \"$@\"; else compdef _rdev rdev; fi\n";
}

std::string fish_script() {
  std::string text = "complete -c rdev -f\n";
  for (const CommandWords& words : words_of_all()) {
    const std::string& name = words.command.name;
    text += "complete -c rdev -n __fish_use_subcommand -a " + name + " -d " +
            quoted(words.command.text) + "\n";
    const std::string here = "complete -c rdev -n '__fish_seen_subcommand_from " + name +
                             "; and not contains -- -- (commandline -opc)'";
    for (const Described& option : words.options) {
      text += here + " -l " + option.name.substr(2) + " -d " + quoted(option.text) + "\n";
    }
    for (const Described& action : words.actions) {
      text += here + " -a " + action.name + " -d " + quoted(action.text) + "\n";
    }
    if (!words.names.empty()) {
      text += here + " -a '(rdev " + words.names + ")'\n";
    }
  }
  text +=
      "complete -c rdev -n '__fish_seen_subcommand_from up' -l cluster -x -a '(rdev "
      "complete-clusters)'\n";
  return text + "complete -c rdev -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
}

int complete(const std::string& shell) {
  static const std::map<std::string, Shell> kShells = {
      {"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}};
  const auto known = kShells.find(shell);
  if (known == kShells.end()) {
    note("there is no completion for '" + shell + "': give bash, zsh or fish");
    return 2;
  }
  const auto printed = print(completion_script(known->second));
  if (!printed) {
    note(printed.error().message);
  }
  return printed ? 0 : 1;
}

}  // namespace

std::string completion_script(Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return bash_script();
    case Shell::kZsh:
      return zsh_script();
    case Shell::kFish:
      return fish_script();
  }
  return {};
}

int print_job_names() {
  const auto paths = state::find_paths();
  if (!paths) {
    return 1;
  }
  std::string names;
  for (const std::string& name : state::list_instances(*paths)) {
    names += name + "\n";
  }
  return print(names) ? 0 : 1;
}

int print_cluster_names() {
  const auto paths = state::find_paths();
  if (!paths) {
    return 1;
  }
  std::string names;
  for (const std::string& name : cluster::Clusters::names(*paths)) {
    names += name + "\n";
  }
  return print(names) ? 0 : 1;
}

Run setup_completion(CLI::App& app, const std::vector<std::string>&) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")->required();
  return [shell] { return complete(*shell); };
}

}  // namespace rdev::commands
