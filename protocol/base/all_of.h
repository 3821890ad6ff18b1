#pragma once

#include <vector>

#include "protocol/base/asio.h"

namespace rdev::base {

// Runs all of them at once. Good when all are; when one fails, the others are cancelled and its
// error is the result. All have ended when this returns, also when it is cancelled.
awaitable<Result<void>> all_of(std::vector<awaitable<Result<void>>> works);

}  // namespace rdev::base
