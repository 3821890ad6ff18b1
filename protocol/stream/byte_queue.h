#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace rdev::stream {

// Bytes in order, whose memory follows what it holds: no capacity outlives its bytes, and single
// bytes share chunks.
class ByteQueue final {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void append(std::string_view bytes);
  // Moves up to `capacity` bytes out; how many.
  std::size_t take(char* out, std::size_t capacity);
  void clear();

 private:
  std::deque<std::string> chunks_;
  std::size_t head_ = 0;  // taken from chunks_.front()
  std::size_t size_ = 0;
};

}  // namespace rdev::stream
