#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/ui/look.h"

namespace rdev::ui {

using Rows = std::vector<std::vector<std::string>>;

// Columns as wide as their widest cell (in UTF-8 code points), two spaces apart, no trailing
// spaces. Control characters in cells are shown as '?': a cell may come from a cluster. The first
// row is the head. Where `look` has too few columns, the widest are cut down ("…" ends what is
// longer), but not below 4; with colours, the column STATE is painted.
std::string render_table(const Rows& rows, const Look& look = {});

// The same for rows that come one after the other: each column is as wide as its widest cell so
// far, and the head comes once.
class GrowingTable final {
 public:
  GrowingTable(std::vector<std::string> head, const Look& look)
      : look_(look), head_(std::move(head)) {}

  std::string add(const Rows& rows);

 private:
  Look look_;
  std::vector<std::string> head_;
  std::vector<std::size_t> widths_;
};

// Text from elsewhere for a terminal: control characters other than line end and tab become '?'.
std::string printable(std::string text);
// The same in one line: line ends become spaces.
std::string printable_line(std::string text);

}  // namespace rdev::ui
