#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace rdev::stream {

// How many bytes are chosen at once for a carrier. What comes later, a keystroke, waits for them:
// so they are few where they take long, and many where that is cheaper.
class Portion final {
 public:
  using Duration = std::chrono::steady_clock::duration;

  constexpr Portion(std::size_t least, std::size_t most)
      : least_(least), most_(most), size_(most) {}

  std::size_t size() const { return size_; }
  // So many were written, and the carrier has taken them in so much time.
  void took(std::size_t bytes, Duration time) {
    if (time > kLong) {
      size_ = std::max(least_, size_ / 2);
    } else if (time < kShort && bytes >= size_) {
      size_ = std::min(most_, 2 * size_);
    }
  }

 private:
  static constexpr std::chrono::microseconds kLong{1500}, kShort{400};

  std::size_t least_, most_, size_;
};

}  // namespace rdev::stream
