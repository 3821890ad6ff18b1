#pragma once

#include <algorithm>
#include <memory>

#include "protocol/base/asio.h"

namespace rdev::stream {

// What a pump reads into. It grows while reads fill it and shrinks when they leave most of it
// empty: bulk gets few and large reads, and hundreds of quiet streams little memory. While nothing
// is there to be read it is to rest().
class PumpBuffer final {
 public:
  static constexpr std::size_t kSmallest = std::size_t{16} * 1024;
  // Of a descriptor: what it has by the time the stream has taken the last.
  static constexpr std::size_t kForReads = 16 * kSmallest;
  // Of a stream: all that its window holds can go out in one write(2).
  static constexpr std::size_t kForWrites = 16 * kSmallest;

  explicit PumpBuffer(std::size_t largest) : largest_(largest) {}

  // For the next read. What filled() gave is no longer valid.
  asio::mutable_buffer space(std::size_t most = ~std::size_t{0}) {
    std::size_t size = size_;
    if (filled_ == size_) {
      size = std::min(size_ * 4, largest_);
    } else if (filled_ < size_ / 4) {
      size = std::max(size_ / 4, kSmallest);
    }
    if (size != size_ || !bytes_) {
      bytes_ = std::make_unique_for_overwrite<char[]>(size);  // pages that stay unused cost nothing
      size_ = size;
    }
    return {bytes_.get(), std::min(size_, most)};
  }
  // Gives its memory back until the next read.
  void rest() { bytes_.reset(); }
  // The `n` bytes that were read.
  asio::const_buffer filled(std::size_t n) {
    filled_ = n;
    return {bytes_.get(), n};
  }

 private:
  const std::size_t largest_;
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = kSmallest;
  std::size_t filled_ = 0;
};

}  // namespace rdev::stream
