#include "client/commands/man_page.h"

#include <cstdint>
#include <cstdio>

namespace rdev::commands {
namespace {

constexpr char kFiles[] =
    ".SH FILES\n"
    ".TP\n$XDG_CONFIG_HOME/rdev, $RDEV_HOME/config\n"
    "config.yaml, clusters/NAME.yaml, the user's key\n"
    ".TP\n$XDG_STATE_HOME/rdev, $RDEV_HOME/state\n"
    "what is known of jobs, their keys, tokens of clusters, entries for ssh\n"
    ".TP\n$XDG_RUNTIME_DIR/rdev, $RDEV_HOME/run\n"
    "sockets\n";

constexpr char kExitStatus[] =
    ".SH EXIT STATUS\n"
    "0: done; 1: failed; 2: the command line is wrong; 255: the job or its agent cannot be "
    "reached. Of a program that ran in a job: its own.\n";

std::string header(const std::string& name) {
  std::string upper;
  for (const char c : name) {
    upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return ".TH " + roff(upper) + " 1 \"\" \"rdev " + roff(RDEV_VERSION) + "\" \"rdev\"\n";
}

std::string value_of(const OptionWords& option) {
  if (!option.takes_value) {
    return "";
  }
  std::string text;
  for (const std::string& choice : option.choices) {
    text += (text.empty() ? "" : "|") + choice;
  }
  return text.empty() ? "VALUE" : text;
}

// "-f, --follow", "--ca VALUE": in bold what is typed as it is.
std::string term(const OptionWords& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += (text.empty() ? "" : ", ") +
            (option.is_positional ? "\\fI" + roff(name) + "\\fR" : "\\fB" + roff(name) + "\\fR");
  }
  const std::string value = value_of(option);
  const bool shows_value = !value.empty() && !(option.is_positional && option.choices.empty());
  return text + (shows_value ? " \\fI" + roff(value) + "\\fR" : "") + "\n";
}

std::string options_text(const std::vector<OptionWords>& options) {
  std::string text;
  for (const OptionWords& option : options) {
    text += ".TP\n" + term(option) + roff(option.text) + "\n";
  }
  return text;
}

std::string synopsis(const CommandWords& command) {
  std::string text = "\\fB" + roff(command.path) + "\\fR";
  for (const OptionWords& option : command.options) {
    if (option.is_positional) {
      const std::string word =
          "\\fI" + roff(option.names.front()) + "\\fR" + (option.repeats ? "..." : "");
      text += option.is_required ? " " + word : " [" + word + "]";
    }
  }
  text += " [\\fIOPTIONS\\fR]";
  return text + (command.takes_command ? " [-- \\fICMD\\fR...]" : "") + "\n";
}

std::string example_text(const std::string& example) {
  return example.empty() ? "" : ".PP\n.EX\n" + roff(example) + "\n.EE\n";
}

// A subcommand, and those below it.
std::string action_text(const CommandWords& action) {
  std::string text = ".SS " + roff(action.path) + "\n" + synopsis(action) + ".PP\n" +
                     roff(action.text) + "\n" + options_text(action.options) +
                     example_text(action.example);
  for (const CommandWords& inner : action.actions) {
    text += action_text(inner);
  }
  return text;
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string text = ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < pages.size(); ++i) {
    text += ".BR " + roff(pages[i]) + (i + 1 == pages.size() ? " (1)\n" : " (1),\n");
  }
  return text;
}

// The character at `at` (of our own texts, which are good UTF-8) as \[uXXXX]; `at` is then at its
// last byte.
std::string escaped(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned length = byte(at) >= 0xf0 ? 4 : byte(at) >= 0xe0 ? 3 : 2;
  std::uint32_t value = byte(at) & (0x7fU >> length);
  for (unsigned i = 1; i < length && at + 1 < text.size(); ++i) {
    value = value << 6U | (byte(++at) & 0x3fU);
  }
  char escape[16];
  std::snprintf(escape, sizeof escape, "\\[u%04X]", value);
  return escape;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  bool at_line_start = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((static_cast<unsigned char>(c) & 0x80U) != 0) {
      out += escaped(text, i);
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'' || c == '`' || c == '^' || c == '~') {
      out += c == '\'' ? "\\(aq" : c == '`' ? "\\(ga" : c == '^' ? "\\(ha" : "\\(ti";
    } else if (c == '.' && at_line_start) {
      out += "\\&.";
    } else if (c == '\n' || static_cast<unsigned char>(c) >= ' ') {
      out += c;
    }
    at_line_start = c == '\n';
  }
  return out;
}

std::string man_page(const std::vector<CommandWords>& commands) {
  std::string text = header("rdev") +
                     ".SH NAME\nrdev \\- develop inside a cluster job as if it were local\n"
                     ".SH SYNOPSIS\n\\fBrdev\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
                     ".SH COMMANDS\n";
  std::vector<std::string> pages;
  for (const CommandWords& command : commands) {
    text += ".TP\n\\fB" + roff(command.name) + "\\fR\n" + roff(command.text) + "; see rdev\\-" +
            roff(command.name) + "(1)\n";
    pages.push_back("rdev-" + command.name);
  }
  text +=
      ".SH OPTIONS\n.TP\n\\fB\\-\\-help\\fR\nThe commands\n.TP\n\\fB\\-\\-version\\fR\nThe "
      "version\n";
  pages.insert(pages.end(), {"ssh"});
  return text + kFiles + kExitStatus + see_also(pages);
}

std::string man_page(const CommandWords& command) {
  std::string text = header("rdev-" + command.name) + ".SH NAME\nrdev\\-" + roff(command.name) +
                     " \\- " + roff(command.text) + "\n.SH SYNOPSIS\n";
  if (command.actions.empty()) {
    text += synopsis(command);
  }
  for (const CommandWords& action : command.actions) {
    text += (&action == &command.actions.front() ? "" : ".br\n") + synopsis(action);
  }
  text += ".SH OPTIONS\n" + options_text(command.options);
  if (!command.actions.empty()) {
    text += ".SH COMMANDS\n";
  }
  for (const CommandWords& action : command.actions) {
    text += action_text(action);
  }
  text += ".SH EXAMPLES\n.EX\n" + roff(command.example) + "\n.EE\n";
  return text + kExitStatus + see_also({"rdev"});
}

}  // namespace rdev::commands
