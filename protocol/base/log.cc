#include "protocol/base/log.h"

#include <unistd.h>

#include <chrono>
#include <ctime>

// Our own and not a library: two lines of format are all that we need, and spdlog with fmt would
// be 200 KB of the agent.
namespace rdev::base {
namespace {

LogLevel g_level = LogLevel::kInfo;

const char* name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
    case LogLevel::kOff:
      break;
  }
  return "error";
}

// "2026-01-31T12:00:00.123Z"
std::string timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  const std::string fraction = std::to_string(1000 + ms % 1000);
  return std::string(text, n) + fraction.substr(1) + "Z";
}

// A peer chooses some of the values: no control byte of theirs reaches a terminal or starts a line.
void append_value(std::string& line, std::string_view value) {
  const bool quote = value.empty() || value.find_first_of(" =\"") != std::string_view::npos;
  if (quote) {
    line += '"';
  }
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += '?';
    } else if (c == '"') {
      line += "\\\"";
    } else {
      line += c;
    }
  }
  if (quote) {
    line += '"';
  }
}

}  // namespace

void set_log_level(LogLevel level) { g_level = level; }

void log(LogLevel level, std::string_view constant_text, std::initializer_list<Field> fields) {
  if (level < g_level || level == LogLevel::kOff) {
    return;
  }
  std::string line = timestamp() + " " + name(level) + " ";
  line += constant_text;
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  line += '\n';
  // One write a line keeps lines of several processes apart. If stderr is gone there is nobody to
  // tell.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace rdev::base
