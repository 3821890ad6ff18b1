#pragma once

#include <string>
#include <vector>

namespace rdev::ui {

// Columns as wide as their widest cell (in UTF-8 code points), two spaces apart, no trailing
// spaces. Control characters in cells are shown as '?': a cell may come from a cluster.
std::string render_table(const std::vector<std::vector<std::string>>& rows);

// Text from elsewhere for a terminal: control characters other than line end and tab become '?'.
std::string printable(std::string text);
// The same in one line: line ends become spaces.
std::string printable_line(std::string text);

}  // namespace rdev::ui
