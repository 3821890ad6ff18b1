#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/exec_all.h"
#include "client/commands/remote_session.h"

namespace rdev::commands {
namespace {

int exec(CLI::App& app, RemoteCommand& command, bool all) {
  command.unexpected = app.remaining();
  if (command.argv.empty() && command.unexpected.empty()) {
    note("a command is missing: rdev exec " + command.job + " -- CMD (for a shell: rdev ssh " +
         command.job + ")");
    return 2;
  }
  if (all && command.terminal) {
    note("--all has no one terminal to give: leave -t out, or name one instance");
    return 2;
  }
  return all ? run_in_all(command) : run_remote(command);
}

}  // namespace

Run setup_exec(CLI::App& app, const std::vector<std::string>& rest) {
  auto command = std::make_shared<RemoteCommand>();
  command->argv = rest;
  add_remote_options(app, *command);
  app.add_flag("-t,--tty", command->terminal, "Give it a terminal");
  auto all = std::make_shared<bool>(false);
  app.add_flag("--all", *all, "In all instances at once, without input; lines begin with the rank");
  return [command, all, &app] { return exec(app, *command, *all); };
}

}  // namespace rdev::commands
