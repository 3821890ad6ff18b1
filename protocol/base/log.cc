#include "protocol/base/log.h"

#define FMT_HEADER_ONLY
#define SPDLOG_FMT_EXTERNAL
#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>

namespace rdev::base {
namespace {

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("rdev", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>());
    made.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    made.flush_on(spdlog::level::trace);
    return made;
  }();
  return instance;
}

spdlog::level::level_enum native(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
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

void set_log_level(LogLevel level) { logger().set_level(native(level)); }

void log(LogLevel level, std::string_view constant_text, std::initializer_list<Field> fields) {
  if (!logger().should_log(native(level))) {
    return;
  }
  std::string line(constant_text);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  logger().log(native(level), spdlog::string_view_t(line));
}

}  // namespace rdev::base
