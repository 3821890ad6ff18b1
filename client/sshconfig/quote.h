#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::sshconfig {

// One word of a POSIX shell: 'it'\''s'.
std::string shell_quote(std::string_view word);

// '%' doubled, as the options need that expand tokens (ssh_config(5), TOKENS).
std::string escape_percent(std::string_view text);

// An argument in double quotes. Code::kUsage for '"', '\' and control characters, and for "${",
// which several options would expand.
Result<std::string> quote_argument(std::string_view text);

}  // namespace rdev::sshconfig
