#include "protocol/stream/client_variables.h"

#include <algorithm>
#include <array>

namespace rdev::stream {

bool client_may_set(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kNames{
      "LANG", "LANGUAGE", "COLORTERM", "NO_COLOR", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TZ"};
  static constexpr std::array<std::string_view, 2> kPrefixes{"LC_", "GIT_"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace rdev::stream
