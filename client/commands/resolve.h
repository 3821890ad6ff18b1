#pragma once

#include <string>
#include <vector>

#include "protocol/base/asio.h"

namespace rdev::commands {

// The addresses of `host`, as text, as the system finds them. Unlike Asio's resolver it can be
// cancelled at once, and a name whose servers do not answer holds up no other. Code::kNotFound: no
// such name; Code::kUnavailable: it cannot be told now.
awaitable<Result<std::vector<std::string>>> resolve(std::string host);

}  // namespace rdev::commands
