#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rdev::ssh {

// The data types of RFC 4251 section 5, read in place. The first read past the end makes the reader
// bad; from then on every read returns nothing, so a parser checks ok() once, at its end.
class Reader final {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t u8();
  bool boolean() { return u8() != 0; }
  std::uint32_t u32();
  // A view into the bytes that the reader was given.
  std::string_view string();

  bool ok() const { return ok_; }
  // Good so far and nothing left.
  bool done() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view take(std::size_t n);

  std::string_view rest_;
  bool ok_ = true;
};

// The same types, appended to a string.
class Writer final {
 public:
  Writer& u8(std::uint8_t value);
  Writer& boolean(bool value) { return u8(value ? 1 : 0); }
  Writer& u32(std::uint32_t value);
  Writer& string(std::string_view value);
  Writer& raw(std::string_view bytes);
  void reserve(std::size_t size) { bytes_.reserve(size); }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// A sentence from the peer, for a person: at most 500 bytes, no control bytes, no line end.
std::string printable(std::string_view text);

}  // namespace rdev::ssh
