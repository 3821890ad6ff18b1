#include "agent/command_line.h"

#include <algorithm>
#include <optional>

namespace rdev::agent {
namespace {

using Words = std::span<const std::string_view>;

struct Option {
  std::string_view name;
  std::string_view value;  // what it takes, for people; empty: nothing
  std::string_view help;
  std::string& (*text)(Arguments&);  // where the value goes
  bool& (*flag)(Arguments&);         // of one that takes none
};

constexpr Option kConfig{"--config", "FILE", "the job's config file; serve: - is stdin",
                         [](Arguments& a) -> std::string& { return a.config; }, nullptr};
constexpr Option kListen{"--listen", "ADDRESS:PORT", "where to listen",
                         [](Arguments& a) -> std::string& { return a.by_hand.listen; }, nullptr};
constexpr Option kKeys{"--authorized-keys", "FILE", "without a config: who may log in",
                       [](Arguments& a) -> std::string& { return a.by_hand.authorized_keys; },
                       nullptr};
constexpr Option kHostKey{"--host-key", "FILE",
                          "OpenSSH Ed25519 key, made when missing; without it, a new one for this "
                          "run",
                          [](Arguments& a) -> std::string& { return a.by_hand.host_key; }, nullptr};
constexpr Option kDeny{"--deny", "WHAT[,WHAT]",
                       "refuse forwards: local-tcp, remote-tcp, unix-sockets, agent",
                       [](Arguments& a) -> std::string& { return a.by_hand.deny; }, nullptr};
constexpr Option kListenFd{"--listen-fd", "N", "with a config: descriptor N listens already",
                           [](Arguments& a) -> std::string& { return a.handed.listen_fd; },
                           nullptr};
constexpr Option kReadyFd{"--ready-fd", "N", "with a config: write \"up\" there once it serves",
                          [](Arguments& a) -> std::string& { return a.handed.ready_fd; }, nullptr};
constexpr Option kInstance{"--instance", "I", "with a config: the host key is instance I's",
                           [](Arguments& a) -> std::string& { return a.handed.instance; }, nullptr};
constexpr Option kExit{"--exit-with-command", "", "end when COMMAND ends, with its code", nullptr,
                       [](Arguments& a) -> bool& { return a.by_hand.exit_with_command; }};
constexpr Option kJson{"--json", "", "print JSON", nullptr,
                       [](Arguments& a) -> bool& { return a.json; }};

constexpr Option kServeOptions[] = {kConfig,   kListen,  kKeys,     kHostKey, kDeny,
                                    kListenFd, kReadyFd, kInstance, kExit};
constexpr Option kStatusOptions[] = {kConfig, kJson};
constexpr Option kConfigOnly[] = {kConfig};

struct Row {
  Subcommand subcommand;
  std::string_view name;
  std::string_view usage;
  std::string_view help;
  std::string_view examples;
  std::span<const Option> options;
};

constexpr Row kRows[] = {
    {Subcommand::kServe, "serve",
     "(--config FILE | --listen ADDRESS:PORT --authorized-keys FILE) [OPTIONS] [-- COMMAND...]",
     "serve SSH until the job is over; COMMAND is what the job is for",
     "  rdev-agent serve --listen 0.0.0.0:2222 --authorized-keys ~/.ssh/authorized_keys\n"
     "  rdev-agent serve --config /.rdev/config -- python train.py\n",
     kServeOptions},
    {Subcommand::kStatus, "status", "--config FILE [--json]",
     "is the agent of this config running?", "  rdev-agent status --config /.rdev/config --json\n",
     kStatusOptions},
    {Subcommand::kStop, "stop", "--config FILE",
     "end the agent of this config and all that runs below it",
     "  rdev-agent stop --config /.rdev/config\n", kConfigOnly},
    {Subcommand::kStdio, "stdio", "--config FILE",
     "join stdin and stdout to the SSH port of this config's agent",
     "  ssh -o ProxyCommand='docker exec -i JOB /.rdev/rdev-agent stdio --config /.rdev/config' "
     "JOB\n",
     kConfigOnly},
};

std::string line(std::string_view left, std::string_view right) {
  std::string text = "  " + std::string(left);
  text.append(text.size() < 34 ? 34 - text.size() : 1, ' ');
  return text + std::string(right) + '\n';
}

std::string help() {
  std::string text =
      "An SSH server for a job, whatever its image.\n\n"
      "Usage: rdev-agent COMMAND [OPTIONS]\n\nCommands:\n";
  std::string examples = "\nExamples:\n";
  for (const Row& row : kRows) {
    text += line(row.name, row.help);
    examples += row.examples;
  }
  text += "\nOptions:\n" + line("-h, --help", "this text; of a command, behind it") +
          line("--version", "the version");
  return text + examples;
}

std::string help_of(const Row& row) {
  std::string text = "Usage: rdev-agent " + std::string(row.name) + ' ' + std::string(row.usage) +
                     "\n\n" + std::string(row.help) + "\n\nOptions:\n";
  for (const Option& option : row.options) {
    const std::string_view gap = option.value.empty() ? "" : " ";
    text +=
        line(std::string(option.name) + std::string(gap) + std::string(option.value), option.help);
  }
  return text + line("-h, --help", "this text") + "\nExamples:\n" + std::string(row.examples);
}

tl::unexpected<Error> usage(std::string message, std::string_view subcommand = {}) {
  const std::string gap = subcommand.empty() ? "" : " ";
  return fail(Code::kUsage,
              std::move(message) + " (see rdev-agent" + gap + std::string(subcommand) + " --help)");
}

std::string quoted(std::string_view word) { return '"' + std::string(word) + '"'; }

const Option* find_option(const Row& row, std::string_view name) {
  for (const Option& option : row.options) {
    if (option.name == name) {
      return &option;
    }
  }
  return nullptr;
}

// Reads the options of one subcommand.
class Parser final {
 public:
  explicit Parser(const Row& row) : row_(row) { arguments_.subcommand = row.subcommand; }

  Result<Arguments> run(Words words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == "--") {
        arguments_.command.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
        break;
      }
      const bool more = i + 1 < words.size() && !words[i + 1].starts_with("--");
      const auto used = take(words[i], more ? std::optional(words[i + 1]) : std::nullopt);
      if (!used) {
        return tl::make_unexpected(used.error());
      }
      i += *used;
    }
    if (auto fits = check(); !fits) {
      return tl::make_unexpected(fits.error());
    }
    return std::move(arguments_);
  }

 private:
  tl::unexpected<Error> refuse(std::string message) const {
    return usage(std::move(message), row_.name);
  }
  bool given(const Option& option) const {
    return std::find(given_.begin(), given_.end(), option.name) != given_.end();
  }

  // How many of the words after it belong to `word`.
  Result<std::size_t> take(std::string_view word, std::optional<std::string_view> next) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Option* option = find_option(row_, name);
    if (option == nullptr) {
      return refuse(word.starts_with('-')
                        ? std::string(row_.name) + " has no option " + quoted(name)
                        : std::string(row_.name) + " takes no word " + quoted(word));
    }
    if (given(*option)) {
      return refuse(std::string(name) + " is given twice");
    }
    given_.push_back(option->name);
    const bool attached = equals != std::string_view::npos;
    if (option->flag != nullptr) {
      option->flag(arguments_) = true;
      return attached ? Result<std::size_t>(refuse(std::string(name) + " takes no value"))
                      : Result<std::size_t>(0);
    }
    const std::string_view value = attached ? word.substr(equals + 1) : next.value_or("");
    if (value.empty()) {
      return refuse(std::string(name) + " needs a value: " + std::string(option->value));
    }
    option->text(arguments_) = value;
    return attached ? 0 : 1;
  }

  Result<void> check() const {
    if (row_.subcommand != Subcommand::kServe) {
      if (!arguments_.command.empty()) {
        return refuse(std::string(row_.name) + " takes no command");
      }
      return arguments_.config.empty() ? Result<void>(refuse("--config FILE is missing"))
                                       : Result<void>();
    }
    if (!given(kConfig) && !given(kListen)) {
      return refuse("serve needs either --config FILE or --listen ADDRESS:PORT");
    }
    for (const Option& option : {kListenFd, kReadyFd, kInstance}) {
      if (!given(kConfig) && given(option)) {
        return refuse(std::string(option.name) + " goes with --config only");
      }
    }
    for (const Option& option : {kKeys, kHostKey, kDeny}) {
      if (given(kConfig) && given(option)) {
        return refuse(std::string(option.name) + " does not go with --config, which says it all");
      }
    }
    if (!given(kConfig) && !given(kKeys)) {
      return refuse("--listen needs --authorized-keys FILE: who may log in");
    }
    return {};
  }

  const Row& row_;
  Arguments arguments_;
  std::vector<std::string_view> given_;
};

bool asks_for_help(Words words) {
  for (const std::string_view word : words) {
    if (word == "--") {
      return false;
    }
    if (word == "-h" || word == "--help") {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<CommandLine> parse_command_line(Words words) {
  if (words.empty()) {
    return usage("name a command: serve, status, stop or stdio");
  }
  if (words[0] == "--version") {
    return CommandLine("rdev-agent " RDEV_VERSION "\n");
  }
  if (words[0] == "-h" || words[0] == "--help") {
    return CommandLine(help());
  }
  for (const Row& row : kRows) {
    if (row.name != words[0]) {
      continue;
    }
    if (asks_for_help(words.subspan(1))) {
      return CommandLine(help_of(row));
    }
    auto arguments = Parser(row).run(words.subspan(1));
    if (!arguments) {
      return tl::make_unexpected(arguments.error());
    }
    return CommandLine(*std::move(arguments));
  }
  return usage(words[0].starts_with('-') ? "there is no option " + quoted(words[0])
                                         : "there is no command " + quoted(words[0]));
}

}  // namespace rdev::agent
