#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace rdev::ui {

// Keeps the last lines of what is added; a longer line is cut at its front.
class Tail final {
 public:
  explicit Tail(std::size_t lines) : lines_(lines) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (kept_.empty() || kept_.back().ends_with('\n')) {
        kept_.emplace_back();
      }
      kept_.back() += c;
      if (kept_.back().size() > kLongestLine) {
        kept_.back().erase(0, kLongestLine / 2);
      }
      if (kept_.size() > lines_) {
        kept_.pop_front();
      }
    }
  }

  std::string text() const {
    std::string all;
    for (const std::string& line : kept_) {
      all += line;
    }
    while (all.ends_with('\n')) {
      all.pop_back();
    }
    return all;
  }

 private:
  static constexpr std::size_t kLongestLine = 4096;
  std::size_t lines_;
  std::deque<std::string> kept_;
};

}  // namespace rdev::ui
