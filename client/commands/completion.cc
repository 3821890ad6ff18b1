#include "client/commands/command_words.h"
#include "client/commands/complete.h"

namespace rdev::commands {
namespace {

// Options whose value is a cluster, or a file.
constexpr char kOfClusters[] = "--cluster";
constexpr char kOfFiles[] = "--template|--mount|--ca|--dir";

// What prints the names that one of the command's words may be; or empty.
std::string names_command(const CommandWords& words) {
  switch (words.names()) {
    case CommandWords::Names::kJobs:
      return std::string("rdev ") + kCompleteJobs;
    case CommandWords::Names::kClusters:
      return std::string("rdev ") + kCompleteClusters;
    case CommandWords::Names::kNone:
      break;
  }
  return {};
}

struct Described {
  std::string name, text;
};

// What a word that is no option may be, as far as it is known here: subcommands, choices.
std::vector<Described> fixed_words(const CommandWords& words) {
  std::vector<Described> all;
  all.reserve(words.actions.size());
  for (const CommandWords& action : words.actions) {
    all.push_back({action.name, action.text});
  }
  for (const OptionWords& option : words.options) {
    for (const std::string& choice : option.choices) {
      if (option.is_positional) {
        all.push_back({choice, option.text});
      }
    }
  }
  return all;
}

// The long ones.
std::vector<Described> option_words(const CommandWords& words) {
  std::vector<Described> all;
  for (const OptionWords& option : words.options) {
    for (const std::string& name : option.names) {
      if (name.starts_with("--")) {
        all.push_back({name, option.text});
      }
    }
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

// The paths of all commands and subcommands, quoted, for a `case` of a shell.
std::string all_paths(const std::vector<CommandWords>& commands, const char* separator) {
  std::string text;
  for (const CommandWords* words : with_actions(commands)) {
    text += (text.empty() ? "'" : separator + std::string("'")) + words->path + "'";
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

// In all three: words before the one at the cursor tell which command or subcommand it belongs to
// ("rdev cluster add"); what follows "--" is the job's, so there is nothing to suggest.

std::string bash_case(const CommandWords& words) {
  const std::string names = names_command(words);
  return "    '" + words.path + "') options=\"" + joined(option_words(words)) + "\" words=\"" +
         joined(fixed_words(words)) + "\"" +
         (names.empty() ? "" : "; [[ $cur == -* ]] || words+=\" $(" + names + ")\"") + " ;;\n";
}

std::string bash_script() {
  const std::vector<CommandWords> commands = words_of_commands();
  std::string names;
  std::string cases;
  for (const CommandWords& command : commands) {
    names += command.name + " ";
  }
  for (const CommandWords* words : with_actions(commands)) {
    cases += bash_case(*words);
  }
  return "_rdev() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local path=rdev options='--help --version' words='" +
         names +
         "' word\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    [[ $word == -- ]] && return\n"
         "    case \"$path $word\" in\n"
         "      " +
         all_paths(commands, "|") +
         ") path=\"$path $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $prev in\n"
         "    " +
         kOfClusters +
         ") COMPREPLY=($(compgen -W \"$(rdev complete-clusters)\" -- \"$cur\")); return ;;\n"
         "    " +
         kOfFiles +
         ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
         "  esac\n"
         "  case $path in\n" +
         cases +
         "  esac\n"
         "  [[ $cur == -* ]] && words=$options\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _rdev rdev\n";
}

// zsh's _describe splits at ':', so those of the text are escaped.
std::string zsh_items(const std::vector<Described>& items) {
  std::string lines;
  for (const Described& item : items) {
    std::string text;
    for (const char c : item.text) {
      text += c == ':' ? std::string("\\:") : std::string(1, c);
    }
    lines += "        " + quoted(item.name + ":" + text) + "\n";
  }
  return lines;
}

std::string zsh_case(const CommandWords& words) {
  const std::string names = names_command(words);
  return "    '" + words.path + "')\n      options=(\n" + zsh_items(option_words(words)) +
         "      )\n      actions=(\n" + zsh_items(fixed_words(words)) + "      )\n" +
         (names.empty() ? "" : "      names=(${(f)\"$(" + names + ")\"})\n") + "      ;;\n";
}

std::string zsh_script() {
  const std::vector<CommandWords> commands = words_of_commands();
  std::vector<Described> names;
  names.reserve(commands.size());
  std::string cases;
  for (const CommandWords& command : commands) {
    names.push_back({command.name, command.text});
  }
  for (const CommandWords* words : with_actions(commands)) {
    cases += zsh_case(*words);
  }
  return "#compdef rdev\n"
         "_rdev() {\n"
         "  local -a options actions names\n"
         "  local at=rdev word\n"
         "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
         "    [[ $word == -- ]] && return\n"
         "    case \"$at $word\" in\n"
         "      (" +
         all_paths(commands, "|") +
         ") at=\"$at $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $words[CURRENT-1] in\n"
         "    (" +
         kOfClusters +
         ") compadd ${(f)\"$(rdev complete-clusters)\"}; return ;;\n"
         "    (" +
         kOfFiles +
         ") _files; return ;;\n"
         "  esac\n"
         "  case $at in\n"
         "    rdev)\n      actions=(\n" +
         zsh_items(names) +
         "      )\n"
         "      options=(--help --version) ;;\n" +
         cases +
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then\n"
         "    _describe option options\n"
         "  else\n"
         "    if (($#actions)); then _describe command actions; fi\n"
         "    if (($#names)); then compadd -a names; fi\n"
         "  fi\n"
         "}\n"
         "if [[ $funcstack[1] == _rdev ]]; then _rdev \"$@\"; else compdef _rdev rdev; fi\n";
}

std::string fish_lines(const CommandWords& words) {
  const std::string here = "complete -c rdev -n '__rdev_at " + words.path + "'";
  std::string text;
  for (const OptionWords& option : words.options) {
    for (const std::string& name : option.names) {
      if (name.starts_with("--")) {
        text += here + " -l " + name.substr(2) + (option.takes_value ? " -r" : "") + " -d " +
                quoted(option.text) + "\n";
      }
    }
  }
  for (const Described& word : fixed_words(words)) {
    text += here + " -a " + word.name + " -d " + quoted(word.text) + "\n";
  }
  const std::string names = names_command(words);
  return text + (names.empty() ? "" : here + " -a '(" + names + ")'\n");
}

std::string fish_script() {
  const std::vector<CommandWords> commands = words_of_commands();
  std::string text =
      "function __rdev_at\n"
      "  set -l at rdev\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    test \"$word\" = --; and return 1\n"
      "    switch \"$at $word\"\n"
      "      case " +
      all_paths(commands, " ") +
      "\n"
      "        set at \"$at $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = \"$argv\"\n"
      "end\n"
      "complete -c rdev -f\n";
  for (const CommandWords& command : commands) {
    text += "complete -c rdev -n '__rdev_at rdev' -a " + command.name + " -d " +
            quoted(command.text) + "\n";
  }
  for (const CommandWords* words : with_actions(commands)) {
    text += fish_lines(*words);
  }
  return text +
         "complete -c rdev -n '__rdev_at rdev up' -l cluster -x -a '(rdev complete-clusters)'\n";
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

}  // namespace rdev::commands
