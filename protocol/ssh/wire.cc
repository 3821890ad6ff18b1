#include "protocol/ssh/wire.h"

#include <algorithm>

namespace rdev::ssh {

std::string_view Reader::take(std::size_t n) {
  if (!ok_ || n > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return taken;
}

std::uint8_t Reader::u8() {
  const std::string_view bytes = take(1);
  return bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
}

std::uint32_t Reader::u32() {
  std::uint32_t value = 0;
  for (const char byte : take(4)) {
    value = value << 8 | static_cast<std::uint8_t>(byte);
  }
  return value;
}

std::string_view Reader::string() {
  const std::uint32_t length = u32();
  return take(length);
}

Writer& Writer::u8(std::uint8_t value) {
  bytes_ += static_cast<char>(value);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes_ += static_cast<char>(value >> shift & 0xff);
  }
  return *this;
}

Writer& Writer::string(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  return raw(value);
}

Writer& Writer::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, 500));
  clean.resize(clean.find_last_not_of("\r\n ") + 1);
  std::replace_if(
      clean.begin(), clean.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return clean;
}

}  // namespace rdev::ssh
