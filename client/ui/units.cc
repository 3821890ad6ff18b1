#include "client/ui/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace rdev::ui {
namespace {

constexpr std::int64_t kLongestLifetime = 10LL * 365 * 24 * 3600;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

tl::unexpected<Error> bad_size(std::string_view text) {
  return fail(Code::kUsage,
              "'" + std::string(text) +
                  "' is not a size: write a number and k, m, g or t, as in 512m or 8g");
}

tl::unexpected<Error> bad_lifetime(std::string_view text) {
  return fail(Code::kUsage,
              "'" + std::string(text) +
                  "' is not a lifetime: write 5h, 90m, 1h30m, 2d, or none (at most 3650d)");
}

std::optional<std::uint64_t> size_unit(std::string_view unit) {
  static constexpr std::string_view kUnits = "bkmgt";
  if (unit.empty() || unit == "b") {
    return 1;
  }
  const std::size_t power = kUnits.find(unit[0]);
  const std::string_view rest = unit.substr(1);
  if (power == std::string_view::npos || power == 0 ||
      (!rest.empty() && rest != "b" && rest != "ib" && rest != "i")) {
    return std::nullopt;
  }
  return std::uint64_t{1} << (10 * power);
}

std::int64_t seconds_of(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const std::string spelled = lower(text);
  double number = 0;
  const char* end = spelled.data() + spelled.size();
  const auto [rest, error] = std::from_chars(spelled.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) {
    return bad_size(text);
  }
  const auto unit = size_unit(std::string_view(rest, static_cast<std::size_t>(end - rest)));
  if (!unit) {
    return bad_size(text);
  }
  const double bytes = number * static_cast<double>(*unit);
  if (!(bytes >= 1) || bytes >= 9.2e18) {
    return bad_size(text);
  }
  return static_cast<std::uint64_t>(bytes);
}

Result<std::optional<std::chrono::seconds>> parse_lifetime(std::string_view text) {
  const std::string spelled = lower(text);
  if (spelled == "none") {
    return std::nullopt;
  }
  std::int64_t total = 0;
  const char* at = spelled.data();
  const char* end = at + spelled.size();
  while (at != end) {
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    const std::int64_t unit = rest == end ? 0 : seconds_of(*rest);
    if (error != std::errc() || unit == 0 || number < 0 || number > kLongestLifetime / unit) {
      return bad_lifetime(text);
    }
    total += number * unit;
    at = rest + 1;
    if (total > kLongestLifetime) {
      return bad_lifetime(text);
    }
  }
  if (total == 0) {
    return bad_lifetime(text);
  }
  return std::chrono::seconds(total);
}

std::string format_elapsed(std::chrono::steady_clock::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (seconds < 60) {
    return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 2 : 1);
  }
  const auto whole = static_cast<std::int64_t>(seconds);
  return fmt::format("{} m {:02} s", whole / 60, whole % 60);
}

std::string format_age(std::chrono::seconds age) {
  const std::int64_t s = std::max<std::int64_t>(age.count(), 0);
  if (s < 60) {
    return fmt::format("{}s", s);
  }
  if (s < 3600) {
    return fmt::format("{}m", s / 60);
  }
  if (s < 86400) {
    return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  }
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string format_ago(std::chrono::seconds age) {
  const std::int64_t s = age.count();
  if (s < 2) {
    return "just now";
  }
  if (s < 60) {
    return fmt::format("{} s ago", s);
  }
  if (s < 3600) {
    return fmt::format("{} min ago", s / 60);
  }
  constexpr std::int64_t kTwoDays = 172800;
  return s < kTwoDays ? fmt::format("{} h ago", s / 3600) : fmt::format("{} d ago", s / 86400);
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) {
    return fmt::format("{} B", bytes);
  }
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                      : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

}  // namespace rdev::ui
