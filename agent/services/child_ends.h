#pragma once

#include <optional>

#include "agent/process/spawn.h"
#include "agent/services/attachment.h"
#include "agent/services/session_plan.h"
#include "protocol/base/result.h"

namespace rdev::services {

// Both sides of a child's input and output, before it starts.
struct ChildPlumbing {
  ChildEnds ours;
  base::Fd input, output, error;  // the child's; with a terminal all are `input`
};

// Three pipes.
Result<ChildPlumbing> make_pipes();

// A terminal of `owner`; adds SSH_TTY to `command`'s environment.
Result<ChildPlumbing> make_terminal(const TerminalRequest& request, uid_t owner,
                                    process::Command& command);

}  // namespace rdev::services
