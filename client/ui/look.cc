#include "client/ui/look.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "client/ui/progress.h"

namespace rdev::ui {

Look look_of(int fd) {
  Look look;
  if (::isatty(fd) != 1) {
    return look;
  }
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
    look.columns = size.ws_col;
    look.rows = size.ws_row;
  }
  const char* no_color = std::getenv("NO_COLOR");
  const bool is_refused = no_color != nullptr && *no_color != '\0';
  look.colour = !is_refused && terminal_of(fd) == Terminal::kYes;
  return look;
}

Colour colour_of(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Colour>, 15> kColours = {{
      {"running", Colour::kGood},
      {"succeeded", Colour::kGood},
      {"up", Colour::kGood},
      {"ok", Colour::kGood},
      {"failed", Colour::kBad},
      {"fail", Colour::kBad},
      {"unreachable", Colour::kBad},
      {"gone", Colour::kBad},
      {"waiting", Colour::kWaiting},
      {"starting", Colour::kWaiting},
      {"stopping", Colour::kWaiting},
      {"warn", Colour::kWaiting},
      {"stopped", Colour::kFaint},
      {"ended", Colour::kFaint},
      {"skipped", Colour::kFaint},
  }};
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, colour] : kColours) {
    if (lower == known) {
      return colour;
    }
  }
  return Colour::kNone;
}

std::string painted(std::string_view text, Colour colour) {
  const auto code = [&]() -> const char* {
    switch (colour) {
      case Colour::kGood:
        return "32";
      case Colour::kBad:
        return "31";
      case Colour::kWaiting:
        return "33";
      case Colour::kFaint:
        return "2";
      case Colour::kNone:
        return nullptr;
    }
    return nullptr;
  }();
  return code == nullptr ? std::string(text)
                         : "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

}  // namespace rdev::ui
