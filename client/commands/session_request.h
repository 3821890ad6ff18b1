#pragma once

#include <string>
#include <vector>

#include "client/commands/remote_session.h"
#include "protocol/base/result.h"
#include "protocol/rdev.pb.h"

namespace rdev::commands {

// What the agent is asked for; with a terminal, that of this process or a usual one.
Result<Session> session_request(const RemoteCommand& command);

// The variables of a session: those that ssh passes on, then `given`. Code::kUsage for what is no
// name of a variable.
Result<std::vector<std::string>> session_env(const std::vector<std::string>& given, bool terminal);

}  // namespace rdev::commands
