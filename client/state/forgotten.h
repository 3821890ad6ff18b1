#pragma once

#include <string>

#include "client/state/paths.h"
#include "protocol/base/asio.h"

namespace rdev::state {

// Resolves when the job NAME has no record any more. (The directory itself is no sign: the log of a
// process that waits for this keeps it in being.)
awaitable<Result<void>> until_forgotten(const Paths& paths, std::string name);

}  // namespace rdev::state
