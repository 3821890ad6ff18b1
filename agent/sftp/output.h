#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "agent/sftp/codec.h"

namespace rdev::sftp {

// Replies on their way out, in a buffer of fixed size. A reply is begin(), fields, end(). One that
// grows over kMaxPacket is replaced by a failure at end(), so handlers need not count.
class Output final {
 public:
  // Pending bytes from which the owner flushes before it takes another request.
  static constexpr std::size_t kFlushAt = 1 << 16;

  void begin(Type type);
  void begin(Type type, std::uint32_t id);
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void string(std::string_view bytes);
  void attributes(const struct stat& status);
  void no_attributes() { u32(0); }
  void end();

  void status(std::uint32_t id, Status code, std::string_view message);

  // A DATA reply whose bytes come straight from a read: fill up to `max` bytes (at most kMaxData)
  // of data_room(), then say how many, or send something else instead.
  char* data_room();
  void data(std::uint32_t id, std::size_t size);

  // A number that is known only later, as a count in front of its items.
  std::size_t u32_later();
  void u32_at(std::size_t position, std::uint32_t value);

  std::string_view pending() const { return {buffer_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t kCapacity = kFlushAt + 4 + kMaxPacket;

  void number(std::uint64_t value, int bytes);
  char* room(std::size_t size);  // nullptr: too long, and the reply is marked as such

  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kCapacity);
  std::size_t size_ = 0;
  std::size_t start_ = 0;  // of the reply that is being written
  std::uint32_t id_ = 0;
  bool too_long_ = false;
};

}  // namespace rdev::sftp
