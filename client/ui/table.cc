#include "client/ui/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rdev::ui {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 4;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (width(text) <= columns) {
    return text;
  }
  std::size_t seen = 0;
  const auto end = std::find_if(text.begin(), text.end(),
                                [&](char c) { return begins_character(c) && ++seen == columns; });
  return std::string(text.begin(), end) + "…";
}

void grow(std::vector<std::size_t>& widths, const std::vector<std::string>& row) {
  widths.resize(std::max(widths.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) {
    widths[i] = std::max(widths[i], width(row[i]));
  }
}

// Takes from the widest column, one by one, until the line fits.
void fit(std::vector<std::size_t>& widths, std::size_t columns) {
  const std::size_t gaps = widths.empty() ? 0 : kGap * (widths.size() - 1);
  std::size_t total = std::accumulate(widths.begin(), widths.end(), gaps);
  while (total > columns) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (widest == widths.end() || *widest <= kNarrowest) {
      return;
    }
    --*widest;
    --total;
  }
}

std::string line_of(const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                    const std::vector<std::string>& head, bool has_colour) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string cell = cut(printable_line(row[i]), widths[i]);
    const bool is_state = has_colour && i < head.size() && head[i] == "STATE";
    line += is_state ? painted(cell, colour_of(cell)) : cell;
    line += std::string(widths[i] - width(cell) + kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
      },
      '?');
  return text;
}

std::string printable_line(std::string text) {
  text = printable(std::move(text));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string GrowingTable::add(const Rows& rows) {
  const bool is_first = widths_.empty();
  std::vector<std::size_t> widths = widths_;
  grow(widths, head_);
  for (const auto& row : rows) {
    grow(widths, row);
  }
  widths_ = widths;
  if (look_.columns > 0) {
    fit(widths, look_.columns);
  }
  std::string out = is_first ? line_of(head_, widths, head_, false) : "";
  for (const auto& row : rows) {
    out += line_of(row, widths, head_, look_.colour);
  }
  return out;
}

std::string render_table(const Rows& rows, const Look& look) {
  if (rows.empty()) {
    return "";
  }
  return GrowingTable(rows.front(), look).add({rows.begin() + 1, rows.end()});
}

}  // namespace rdev::ui
