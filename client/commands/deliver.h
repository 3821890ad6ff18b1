#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/commands/context.h"
#include "client/commands/sources.h"

namespace rdev::commands {

// Runs `words` in the instance NAME over its link, with the sources as its stdin. `sent` hears how
// many bytes have gone. Code::kFailed with what it said last when it ends with another code than 0.
awaitable<Result<void>> deliver(Context& context, std::string name, std::vector<std::string> words,
                                const Sources& sources, std::function<void(std::uint64_t)> sent);

}  // namespace rdev::commands
