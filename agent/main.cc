// rdev-agent: an SSH server for a job, whatever its image.

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "agent/by_hand.h"
#include "agent/command_line.h"
#include "agent/control.h"
#include "agent/handed_over.h"
#include "agent/own_process.h"
#include "agent/process/accounts.h"
#include "agent/process/spare.h"
#include "agent/scp/server.h"
#include "agent/serve.h"
#include "agent/sftp/server.h"
#include "protocol/base/log.h"

namespace {

using rdev::agent::Arguments;

constexpr int kFailed = 1, kUsage = 2;

int complain(const rdev::Error& error) {
  std::fprintf(stderr, "rdev-agent: %s\n", error.message.c_str());
  return error.code == rdev::Code::kUsage ? kUsage : kFailed;
}

int serve_config(rdev::agent::OwnProcess own, const Arguments& arguments) {
  rdev::agent::HandedOver handed = arguments.handed;
  handed.listen = arguments.by_hand.listen;
  auto config = rdev::agent::load_config(arguments.config, handed);
  if (!config) {
    return complain(config.error());
  }
  config->exit_with_command |= arguments.by_hand.exit_with_command;
  if (config->quiet) {
    rdev::base::set_log_level(rdev::base::LogLevel::kWarning);
  }
  rdev::agent::ServeOptions options{.config = *std::move(config), .command = arguments.command};
  if (!handed.listen_fd.empty()) {
    auto listener = rdev::agent::take_listener(handed.listen_fd);
    if (!listener) {
      return complain(listener.error());
    }
    options.listener = *std::move(listener);
  }
  auto ready = handed.ready_fd.empty() ? rdev::Result<rdev::base::Fd>()
                                       : rdev::agent::take_descriptor(handed.ready_fd);
  if (!ready) {
    return complain(ready.error());
  }
  options.listening = [&ready](const auto&) {
    rdev::agent::say_ready(*ready);
    ready->reset();
  };
  const auto code = rdev::agent::serve(std::move(own), std::move(options));
  return code ? *code : complain(code.error());
}

int serve(const Arguments& arguments) {
  auto own = rdev::agent::prepare_own_process();
  if (!arguments.config.empty()) {
    return serve_config(std::move(own), arguments);
  }
  auto config = rdev::agent::config_by_hand(arguments.by_hand);
  if (!config) {
    return complain(config.error());
  }
  config->exit_with_command |= arguments.by_hand.exit_with_command;
  rdev::agent::ServeOptions options{.config = *std::move(config), .command = arguments.command};
  const auto user = rdev::process::own_account(own.environment).name;
  options.listening = [user, key = options.config.host_key.public_key()](const auto& endpoints) {
    std::fputs(rdev::agent::greeting(key, endpoints.front(), user).c_str(), stdout);
    std::fflush(stdout);
  };
  const auto code = rdev::agent::serve(std::move(own), std::move(options));
  return code ? *code : complain(code.error());
}

int run(const Arguments& arguments) {
  using rdev::agent::StatusFormat, rdev::agent::Subcommand;
  switch (arguments.subcommand) {
    case Subcommand::kStatus:
      return rdev::agent::status(arguments.config,
                                 arguments.json ? StatusFormat::kJson : StatusFormat::kText);
    case Subcommand::kStop:
      return rdev::agent::stop(arguments.config);
    case Subcommand::kStdio:
      return rdev::agent::stdio(arguments.config);
    case Subcommand::kServe:
      break;
  }
  return serve(arguments);
}

int run(const std::vector<std::string_view>& words) {
  const auto line = rdev::agent::parse_command_line(words);
  if (!line) {
    return complain(line.error());
  }
  if (const auto* text = std::get_if<std::string>(&*line)) {
    return std::fputs(text->c_str(), stdout) < 0 ? kFailed : 0;
  }
  return run(std::get<Arguments>(*line));
}

int print_environment() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::fwrite(*entry, 1, std::strlen(*entry) + 1, stdout);
  }
  return std::fflush(stdout) == 0 ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  rdev::agent::open_standard_fds();
  rdev::agent::pin_name_services();
  const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  // How the agent starts itself: for the SFTP subsystem, for scp where the image has none, and to
  // tell what a session's environment is.
  if (words.size() == 1 && words[0] == "internal-sftp") {
    return rdev::sftp::serve(0, 1);
  }
  if (words.size() == 1 && words[0] == "internal-env") {
    return print_environment();
  }
  if (words.size() == 2 && words[0] == "internal-scp") {
    return rdev::scp::serve(words[1], 0, 1);
  }
  // For a job's shell, whose image may have no mkfifo(1).
  if (words.size() == 2 && words[0] == "internal-fifo") {
    return ::mkfifo(argv[2], 0600) == 0 ? 0 : kFailed;
  }
  if (words.size() == 1 && words[0] == rdev::process::kSpareArgument) {
    return rdev::process::run_spare(STDIN_FILENO);
  }
  const int code = run(words);
  std::fflush(stdout);
  // Not exit(): a lookup of a name may still keep a thread for half a minute.
  std::_Exit(code);
}
