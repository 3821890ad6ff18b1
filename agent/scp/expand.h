#pragma once

#include <string>
#include <vector>

#include "agent/process/words.h"

namespace rdev::scp {

// The paths that a shell makes of a word: ~ and ~USER at its beginning, then {,} as bash, then of
// each part * ? [ in order, or the part itself where nothing matches. At least one.
std::vector<std::string> expand(const process::Word& word);

}  // namespace rdev::scp
