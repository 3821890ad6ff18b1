#include "client/terminal/escapes.h"

#include <utility>

namespace rdev::terminal {

Escapes::Action Escapes::feed(std::string_view& typed, std::string& out) {
  while (!typed.empty()) {
    const char c = typed.front();
    typed.remove_prefix(1);
    if (std::exchange(held_, false)) {
      if (c == '.') {
        return Action::kEnd;
      }
      if (c == '?') {
        return Action::kHelp;  // still at the line's start
      }
      if (c != '~') {
        out += '~';
      }
    } else if (c == '~' && at_line_start_) {
      held_ = true;
      continue;
    }
    out += c;
    at_line_start_ = c == '\r' || c == '\n';
  }
  return Action::kNone;
}

void Escapes::finish(std::string& out) {
  if (std::exchange(held_, false)) {
    out += '~';
  }
}

}  // namespace rdev::terminal
