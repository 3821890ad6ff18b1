#pragma once

#include <string>
#include <vector>

#include "agent/process/words.h"

namespace rdev::scp {

// The paths that a shell makes of a word: ~ and ~USER first, then * ? [ and {,} in order. The word
// itself where nothing matches. At least one.
std::vector<std::string> expand(const process::Word& word);

}  // namespace rdev::scp
