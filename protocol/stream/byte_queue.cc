#include "protocol/stream/byte_queue.h"

#include <algorithm>

namespace rdev::stream {
namespace {
constexpr std::size_t kSmallestChunk = 4096;
}

void ByteQueue::append(std::string_view bytes) {
  size_ += bytes.size();
  if (!chunks_.empty()) {
    std::string& last = chunks_.back();
    const std::size_t fits = std::min(bytes.size(), last.capacity() - last.size());
    last.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
  }
  if (!bytes.empty()) {
    std::string& chunk = chunks_.emplace_back();
    chunk.reserve(std::max(bytes.size(), kSmallestChunk));
    chunk.append(bytes);
  }
}

std::size_t ByteQueue::take(char* out, std::size_t capacity) {
  std::size_t taken = 0;
  while (taken < capacity && size_ > 0) {
    const std::string& front = chunks_.front();
    const std::size_t n = std::min(capacity - taken, front.size() - head_);
    std::copy_n(front.data() + head_, n, out + taken);
    taken += n;
    head_ += n;
    size_ -= n;
    if (head_ == front.size()) {
      chunks_.pop_front();
      head_ = 0;
    }
  }
  return taken;
}

void ByteQueue::clear() {
  chunks_.clear();
  head_ = 0;
  size_ = 0;
}

}  // namespace rdev::stream
