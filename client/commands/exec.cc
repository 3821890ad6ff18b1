#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/remote_session.h"

namespace rdev::commands {
namespace {

int exec(CLI::App& app, RemoteCommand& command) {
  command.unexpected = app.remaining();
  if (command.argv.empty() && command.unexpected.empty()) {
    note("a command is missing: rdev exec " + command.job + " -- CMD (for a shell: rdev ssh " +
         command.job + ")");
    return 2;
  }
  return run_remote(command);
}

}  // namespace

Run setup_exec(CLI::App& app, const std::vector<std::string>& rest) {
  auto command = std::make_shared<RemoteCommand>();
  command->argv = rest;
  add_remote_options(app, *command);
  app.add_flag("-t,--tty", command->terminal, "Give it a terminal");
  return [command, &app] { return exec(app, *command); };
}

}  // namespace rdev::commands
