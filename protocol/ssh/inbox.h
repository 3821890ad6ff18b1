#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "protocol/stream/byte_queue.h"
#include "protocol/stream/stream.h"

namespace rdev::ssh {

// What a channel has received and nobody has read yet, and the window that bounds it (RFC 4254
// section 5.2). No I/O.
class Inbox final {
 public:
  explicit Inbox(std::uint32_t window) : window_(window), target_(window) {}

  // False when `bytes` exceed the window.
  [[nodiscard]] bool put(stream::Lane lane, std::string_view bytes);
  // Bytes that will never be read are counted as if they were: of an unknown type, or after drop().
  [[nodiscard]] bool skip(std::size_t size);
  std::size_t take(stream::Lane lane, char* out, std::size_t capacity);
  bool empty(stream::Lane lane) const { return lanes_[index(lane)].empty(); }
  // Forgets what is there and, from now on, what comes.
  void drop();

  // The window, at least so large; take_credit() tells the peer.
  void widen(std::uint32_t window) { target_ = std::max(target_, window); }
  // How much to give back to the peer now, 0 for nothing yet: in steps of an eighth of the
  // window, which keep a sender at full speed where half windows cost half of it.
  std::uint32_t take_credit();

 private:
  static std::size_t index(stream::Lane lane) { return static_cast<std::size_t>(lane); }

  std::array<stream::ByteQueue, 2> lanes_;
  std::uint32_t window_;  // bytes that the peer may still send
  std::uint32_t target_;  // what the window grows back to
  bool dropped_ = false;
};

}  // namespace rdev::ssh
