#include "client/ui/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rdev::ui {
namespace {

constexpr std::size_t kLongestWord = 64;

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& choices) {
  if (word.empty() || word.size() > kLongestWord) {
    return {};
  }
  std::size_t best = word.size() <= 3 ? 2 : 3;
  std::string_view choice;
  for (const std::string_view candidate : choices) {
    if (const std::size_t d = distance(word, candidate); d < best) {
      best = d;
      choice = candidate;
    }
  }
  return choice.empty() ? "" : ", did you mean '" + std::string(choice) + "'?";
}

}  // namespace rdev::ui
