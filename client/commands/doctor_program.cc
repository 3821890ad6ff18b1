#include "client/commands/doctor.h"
#include "client/state/paths.h"

namespace rdev::commands {

awaitable<Findings> check_program() {
  Findings findings;
  const auto program = state::own_program();
  const auto agent = state::find_shared_file("rdev-agent");
  if (!agent) {
    findings.push_back(
        fault("rdev", agent.error().message,
              "rdev up puts it into jobs: install rdev as a whole (cmake --install)"));
  } else {
    findings.push_back(ok("rdev", "rdev " RDEV_VERSION " (" +
                                      (program ? program->string() : std::string()) + "), agent " +
                                      agent->string()));
  }
  co_return findings;
}

}  // namespace rdev::commands
