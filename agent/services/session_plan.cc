#include "agent/services/session_plan.h"

#include "agent/process/words.h"
#include "agent/scp/invocation.h"
#include "protocol/stream/client_variables.h"

namespace rdev::services {
namespace {

using process::Command;
using process::Environment;
using process::Shell;
using process::SpawnError;

struct Address {
  std::string host = "UNKNOWN", port = "65535";  // as OpenSSH says it of what is no TCP socket
};

Address split(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return {};
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  return {.host = std::move(host), .port = text.substr(colon + 1)};
}

void set_connection(Environment& environment, const SessionRequest& request) {
  const Address remote = split(request.remote_address);
  const Address local = split(request.local_address);
  environment.set("SSH_CONNECTION",
                  remote.host + ' ' + remote.port + ' ' + local.host + ' ' + local.port);
  environment.set("SSH_CLIENT", remote.host + ' ' + remote.port + ' ' + local.port);
}

void set_wishes(Environment& environment, const SessionRequest& request) {
  for (const auto& [name, value] : request.env) {
    if (request.env_rule == EnvRule::kAll || stream::client_may_set(name)) {
      environment.set(name, value);
    }
  }
}

Environment session_environment(const SessionSettings& settings, const process::Account& account,
                                const SessionRequest& request) {
  Environment environment = settings.job_environment;
  // Left by the session that started the agent by hand.
  environment.unset("SSH_TTY");
  environment.unset("SSH_CONNECTION");
  environment.unset("SSH_CLIENT");
  environment.unset("SSH_ORIGINAL_COMMAND");
  set_wishes(environment, request);
  if (!environment.get("PATH")) {
    environment.set("PATH", process::kDefaultPath);
  }
  environment.set("USER", account.name);
  environment.set("LOGNAME", account.name);
  if (request.terminal && !request.terminal->term.empty()) {
    environment.set("TERM", request.terminal->term);
  }
  if (request.env_rule == EnvRule::kClientMaySet) {
    set_connection(environment, request);
  }
  if (!request.agent_socket.empty()) {
    environment.set("SSH_AUTH_SOCK", request.agent_socket);
  }
  return environment;
}

using Planned = tl::expected<void, SpawnError>;

Planned refuse(std::string message) {
  return tl::make_unexpected(
      SpawnError{.exit_code = process::kNotFound, .message = std::move(message)});
}

Planned plan_words(Command& command, const std::string& text) {
  auto words = process::split_words(text);
  if (!words) {
    return refuse(words.error().message);
  }
  if (words->empty()) {
    return refuse("the command is empty");
  }
  command.program = words->front();
  command.argv = *std::move(words);
  return {};
}

Planned plan_argv(Command& command, const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) {
    return refuse("the command is empty");
  }
  for (const std::string& argument : argv) {
    if (argument.find('\0') != std::string::npos) {
      return refuse("an argument holds a zero byte, which no program can be given");
    }
  }
  command.program = argv.front();
  command.argv = argv;
  return {};
}

Planned plan_shell(Command& command, const std::optional<Shell>& shell, bool login) {
  if (!shell) {
    return refuse(
        "this image has no shell (bash, sh or busybox); name a program instead: "
        "ssh HOST PROGRAM ARGUMENTS");
  }
  command.program = shell->path;
  command.argv = {(login ? "-" : "") + shell->name};
  return {};
}

void plan_own(Command& command, const SessionSettings& settings, std::vector<std::string> words,
              const char* name) {
  command.program = name;
  command.program_fd = settings.agent_program;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), "rdev-agent");
}

// A client of the old scp protocol, in an image that has no scp.
bool wants_scp(const Command& command, const std::string& line) {
  return scp::parse_invocation(line) &&
         !process::has_program("scp", *command.environment.get("PATH"));
}

Planned plan_program(Command& command, const SessionSettings& settings,
                     const std::optional<Shell>& shell, const SessionRequest& request) {
  switch (request.kind) {
    case SessionKind::kSftp:
      plan_own(command, settings, {"internal-sftp"}, "the SFTP server");
      return {};
    case SessionKind::kJobEnvironment:
      command.environment = settings.job_environment;
      [[fallthrough]];
    case SessionKind::kSessionEnvironment:
      plan_own(command, settings, {"internal-env"}, "the report of the environment");
      return {};
    case SessionKind::kShell:
      return plan_shell(command, shell, settings.login_shell);
    case SessionKind::kArgv:
      return plan_argv(command, request.argv);
    case SessionKind::kExec:
      break;
  }
  if (wants_scp(command, request.command)) {
    plan_own(command, settings, {"internal-scp", request.command}, "the scp server");
    return {};
  }
  if (!shell) {
    return plan_words(command, request.command);
  }
  command.program = shell->path;
  command.argv = {shell->name, "-c", request.command};
  return {};
}

}  // namespace

tl::expected<Command, SpawnError> plan_session(const SessionSettings& settings,
                                               const process::Account& account,
                                               const SessionRequest& request) {
  const bool own = account.uid == settings.own.uid;
  Command command;
  command.environment = session_environment(settings, account, request);
  Environment& environment = command.environment;
  const process::HomeRule rule{.own = own,
                               .job_home = settings.job_environment.get("HOME").value_or(""),
                               .fallback = settings.fallback_home};
  command.directory = process::choose_home(account, rule);
  environment.set("HOME", command.directory);

  const auto shell =
      process::choose_shell(account, own, *environment.get("PATH") + ':' + settings.shell_path);
  // $SHELL is called with -c, which busybox understands only under the name of a shell.
  if (shell && !shell->path.ends_with("/busybox")) {
    environment.set("SHELL", shell->path);
  } else {
    environment.unset("SHELL");
  }
  if (request.env_rule == EnvRule::kAll) {
    set_wishes(environment, request);  // what a person asks for has the last word
  }
  if (!own) {
    command.identity = process::Identity{
        .uid = account.uid, .gid = account.gid, .groups = process::groups_of(account)};
  }
  if (auto planned = plan_program(command, settings, shell, request); !planned) {
    return tl::make_unexpected(planned.error());
  }
  return command;
}

}  // namespace rdev::services
