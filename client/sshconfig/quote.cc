#include "client/sshconfig/quote.h"

#include <algorithm>

namespace rdev::sshconfig {

std::string shell_quote(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string escape_percent(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped.append(c == '%' ? 2 : 1, c);
  }
  return escaped;
}

Result<std::string> quote_argument(std::string_view text) {
  const bool bad =
      text.find("${") != std::string_view::npos ||
      std::any_of(text.begin(), text.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      });
  if (bad) {
    return fail(Code::kUsage, "ssh's configuration has no way to name '" + std::string(text) +
                                  "': set RDEV_HOME to a path without quotes, backslashes, "
                                  "control characters and \"${\"");
  }
  return "\"" + std::string(text) + "\"";
}

}  // namespace rdev::sshconfig
