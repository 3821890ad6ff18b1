#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rdev::ui {

// ", did you mean 'image'?" for the choice that is at most two edits away (one for short words);
// empty when none is.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& choices);

}  // namespace rdev::ui
