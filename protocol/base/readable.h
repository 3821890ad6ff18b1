#pragma once

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::base {

// Whether `fd` has something to read, or is at its end; of a pidfd_open(2), whether its process has
// ended. As the kernel says now.
bool is_readable(int fd);

// Until then. (Asio's own wait may end too early on a new descriptor.)
awaitable<Result<void>> wait_readable(Fd fd);

}  // namespace rdev::base
