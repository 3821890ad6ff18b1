#include "client/commands/verb.h"

namespace rdev::commands {

CLI::App* add_verb(CLI::App& command, const char* name, const char* summary, const char* example) {
  CLI::App* verb = command.add_subcommand(name, summary);
  verb->footer(std::string("Example:\n  ") + example);
  return verb;
}

}  // namespace rdev::commands
