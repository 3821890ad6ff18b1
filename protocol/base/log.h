#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace rdev::base {

// One `key=value` of a log line. Never a secret, a key or an environment's value.
struct Field {
  template <class T>
  Field(std::string_view k, const T& v) : key(k), value(text(v)) {}
  std::string_view key;
  std::string value;

 private:
  template <class T>
  static std::string text(const T& v) {
    if constexpr (std::is_arithmetic_v<T>) {
      return std::to_string(v);
    } else {
      return std::string(v);
    }
  }
};

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// Lines go to stderr with time and level. Info and above unless told otherwise.
void set_log_level(LogLevel level);

void log(LogLevel level, std::string_view constant_text, std::initializer_list<Field> fields = {});

inline void log_debug(std::string_view text, std::initializer_list<Field> fields = {}) {
  log(LogLevel::kDebug, text, fields);
}
inline void log_info(std::string_view text, std::initializer_list<Field> fields = {}) {
  log(LogLevel::kInfo, text, fields);
}
inline void log_warning(std::string_view text, std::initializer_list<Field> fields = {}) {
  log(LogLevel::kWarning, text, fields);
}
inline void log_error(std::string_view text, std::initializer_list<Field> fields = {}) {
  log(LogLevel::kError, text, fields);
}

}  // namespace rdev::base
