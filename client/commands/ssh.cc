#include <memory>

#include "client/commands/command.h"
#include "client/commands/remote_session.h"

namespace rdev::commands {

Run setup_ssh(CLI::App& app, const std::vector<std::string>& rest) {
  auto command = std::make_shared<RemoteCommand>();
  command->argv = rest;
  command->terminal = true;
  add_remote_options(app, *command);
  return [command, &app] {
    command->unexpected = app.remaining();
    return run_remote(*command);
  };
}

}  // namespace rdev::commands
