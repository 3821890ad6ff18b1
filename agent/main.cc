// rdev-agent: an SSH server for a job, whatever its image.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "agent/by_hand.h"
#include "agent/control.h"
#include "agent/own_process.h"
#include "agent/process/accounts.h"
#include "agent/serve.h"
#include "agent/sftp/server.h"

namespace {

using rdev::agent::ByHand;

constexpr int kFailed = 1, kUsage = 2;

struct Arguments {
  std::string config;
  ByHand by_hand;
  bool json = false;
  std::vector<std::string> command;  // what follows "--"
};

int complain(const rdev::Error& error) {
  std::fprintf(stderr, "rdev-agent: %s\n", error.message.c_str());
  return error.code == rdev::Code::kUsage ? kUsage : kFailed;
}

int serve(const Arguments& arguments) {
  if (arguments.config.empty() == arguments.by_hand.listen.empty()) {
    return complain({.code = rdev::Code::kUsage,
                     .message = "serve needs either --config FILE or --listen ADDRESS:PORT"});
  }
  auto own = rdev::agent::prepare_own_process();
  auto config = arguments.config.empty() ? rdev::agent::config_by_hand(arguments.by_hand)
                                         : rdev::agent::load_config(arguments.config);
  if (!config) {
    return complain(config.error());
  }
  config->exit_with_command |= arguments.by_hand.exit_with_command;
  rdev::agent::ServeOptions options{.config = *std::move(config), .command = arguments.command};
  if (arguments.config.empty()) {
    const auto user = rdev::process::own_account(own.environment).name;
    options.listening = [user, key = options.config.host_key.public_key()](const auto& endpoints) {
      std::fputs(rdev::agent::greeting(key, endpoints.front(), user).c_str(), stdout);
      std::fflush(stdout);
    };
  }
  const auto code = rdev::agent::serve(std::move(own), std::move(options));
  return code ? *code : complain(code.error());
}

int status(const Arguments& arguments) {
  using rdev::agent::StatusFormat;
  return rdev::agent::status(arguments.config,
                             arguments.json ? StatusFormat::kJson : StatusFormat::kText);
}

int stop(const Arguments& arguments) { return rdev::agent::stop(arguments.config); }

int stdio(const Arguments& arguments) { return rdev::agent::stdio(arguments.config); }

struct Subcommand {
  const char* name;
  const char* help;
  int (*run)(const Arguments&);
};
constexpr Subcommand kSubcommands[] = {
    {"serve", "serve SSH until the job is over: serve … [-- COMMAND…]", serve},
    {"status", "is the agent of this config running?", status},
    {"stop", "end the agent of this config and all that runs below it", stop},
    {"stdio", "join stdin and stdout to the SSH port of this config's agent", stdio},
};

constexpr const char* kExamples =
    "Examples:\n"
    "  rdev-agent serve --listen 0.0.0.0:2222 --authorized-keys ~/.ssh/authorized_keys\n"
    "  rdev-agent serve --config /.rdev/config -- python train.py\n"
    "  ssh -o ProxyCommand='docker exec -i JOB /.rdev/rdev-agent stdio --config /.rdev/config' JOB";

void add_options(CLI::App& sub, Arguments& arguments) {
  CLI::Option* config = sub.add_option("--config", arguments.config, "the job's config file");
  config->type_name("FILE");
  if (sub.get_name() == "status") {
    sub.add_flag("--json", arguments.json, "print JSON");
  }
  if (sub.get_name() != "serve") {
    config->required();
    return;
  }
  ByHand& by_hand = arguments.by_hand;
  CLI::Option* keys = sub.add_option("--authorized-keys", by_hand.authorized_keys, "who may log in")
                          ->type_name("FILE");
  sub.add_option("--listen", by_hand.listen, "without a config: where to listen")
      ->type_name("ADDRESS:PORT")
      ->needs(keys)
      ->excludes(config);
  sub.add_option("--host-key", by_hand.host_key,
                 "OpenSSH Ed25519 key, made when missing; without it, a new one for this run")
      ->type_name("FILE")
      ->excludes(config);
  sub.add_flag("--exit-with-command", by_hand.exit_with_command,
               "end when COMMAND ends, with its code");
}

// Takes what follows the first "--" out of the arguments: it is not ours to read.
std::vector<std::string> split_command(int& argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--") {
      std::vector<std::string> command(argv + i + 1, argv + argc);
      argc = i;
      return command;
    }
  }
  return {};
}

int run(int argc, char** argv) {
  Arguments arguments{.command = split_command(argc, argv)};
  CLI::App app("An SSH server for a job, whatever its image.", "rdev-agent");
  app.set_version_flag("--version", "rdev-agent " RDEV_VERSION);
  app.require_subcommand(1);
  app.footer(kExamples);
  const Subcommand* chosen = nullptr;
  for (const Subcommand& row : kSubcommands) {
    CLI::App* sub = app.add_subcommand(row.name, row.help);
    add_options(*sub, arguments);
    sub->callback([&chosen, &row] { chosen = &row; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  return chosen->run(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  rdev::agent::open_standard_fds();
  rdev::agent::pin_name_services();
  // How the agent starts itself for the SFTP subsystem.
  if (argc == 2 && std::string_view(argv[1]) == "internal-sftp") {
    return rdev::sftp::serve(0, 1);
  }
  const int code = run(argc, argv);
  std::fflush(stdout);
  // Not exit(): a lookup of a name may still keep a thread for half a minute.
  std::_Exit(code);
}
