#pragma once

#include "agent/process/reaper.h"
#include "agent/services/sessions.h"
#include "protocol/base/asio.h"

namespace rdev::agent {

// SIGTERM, 5 s, SIGKILL: to all below this process, also those that left their session. Returns
// when none is left; what even SIGKILL does not end is logged.
awaitable<void> end_processes(process::Reaper& reaper, services::Sessions& sessions);

}  // namespace rdev::agent
