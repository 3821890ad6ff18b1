#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::process {

// Splits a command line into words as a POSIX shell does (XCU 2.2 quoting, 2.3 tokens) and expands
// nothing. Code::kUsage for an unbalanced quote, and for what only a shell can do: an unquoted
// operator (| & ; < > parentheses) or a `$` or backquote that a shell would expand. Pattern
// characters (* ? [ ~ #) stand for themselves.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace rdev::process
