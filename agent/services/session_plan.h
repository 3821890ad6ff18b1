#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/process/accounts.h"
#include "agent/process/environment.h"
#include "agent/process/spawn.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

struct TerminalRequest {
  std::string term;
  stream::WindowChange size;
  std::string modes;  // encoded, RFC 4254 section 8
};

enum class SessionKind {
  kShell,
  kExec,  // a command line for the user's shell
  kSftp,
  kArgv,  // a program and its arguments as they are, without a shell
  // The agent's own file writes the environment that it was given, each entry with a NUL at its
  // end: of a session, and of the job's command.
  kSessionEnvironment,
  kJobEnvironment,
};

// What a session's environment is like, by who asks for it.
enum class EnvRule {
  kClientMaySet,  // an SSH client: some of `env` counts, and there is an SSH_CONNECTION
  kAll,           // the user's own rdev: `env` has the last word, and nothing speaks of SSH
};

// A session as a peer asks for it.
struct SessionRequest {
  SessionKind kind = SessionKind::kShell;
  std::string command;            // of kExec
  std::vector<std::string> argv;  // of kArgv
  std::optional<TerminalRequest> terminal;
  std::vector<std::pair<std::string, std::string>> env;
  EnvRule env_rule = EnvRule::kClientMaySet;
  std::string user;                           // the login name; empty: the agent's own
  std::string remote_address, local_address;  // "127.0.0.1:51234", "[::1]:22" or a word
  std::string agent_socket;                   // SSH_AUTH_SOCK; empty: the job's own, if any
};

// What all sessions have from their job.
struct SessionSettings {
  process::Environment job_environment;
  process::Account own;  // the user that the agent runs as
  std::string fallback_home;
  bool login_shell = false;
  std::string shell_path = "/bin:/usr/bin";  // where else than in PATH shells are looked for
  int agent_program = -1;             // borrowed fd of the agent's own file, executed for SFTP
  std::function<std::string()> note;  // what to say of the job to who opens a shell; may be empty
  process::Spare* spare = nullptr;    // borrowed; for when there is no room for another process
};

// What to run for `request` as `account`, all but its fds and SSH_TTY; or the exit code and the
// sentence to end the session with.
tl::expected<process::Command, process::SpawnError> plan_session(const SessionSettings& settings,
                                                                 const process::Account& account,
                                                                 const SessionRequest& request);

}  // namespace rdev::services
