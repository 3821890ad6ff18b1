#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::process {

// Splits a command line into words as a POSIX shell does (XCU 2.2 quoting, 2.3 tokens) and expands
// nothing. Code::kUsage for an unbalanced quote, and for what only a shell can do: a second line,
// an unquoted operator (| & ; < > parentheses) or a `$` or backquote that a shell would expand.
// Pattern characters (* ? [ ~ #) stand for themselves.
Result<std::vector<std::string>> split_words(std::string_view text);

// A word with what its quotes meant for the shell's expansions.
struct Word {
  std::string text;      // without the quotes
  std::string pattern;   // the same for glob(3): what was quoted stands behind a backslash
  bool expands = false;  // an unquoted * ? [ or { is in it
  bool tilde = false;    // it begins with ~ or ~USER, unquoted
  bool comment = false;  // it begins with an unquoted #
};

// As split_words(), whose words are the texts of these.
Result<std::vector<Word>> split_patterns(std::string_view text);

}  // namespace rdev::process
