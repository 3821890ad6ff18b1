#include "protocol/mux/chunks.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace rdev::mux {

// A header and its bytes are one allocation.
struct Chunks::Chunk {
  Chunk* next;
  std::uint32_t size;
  std::uint32_t capacity;
  char* data() { return reinterpret_cast<char*>(this + 1); }
};

namespace {
// With malloc's own header a round number; the largest holds the bytes of one full DATA frame.
constexpr std::size_t kSmallest = 512 - 24;
constexpr std::size_t kLargest = 32 * 1024 - 24;
}  // namespace

void Chunks::append(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->size == last_->capacity) {
      const std::size_t grown = last_ == nullptr ? kSmallest : std::size_t{2} * last_->capacity;
      const std::size_t capacity = std::min(std::max(bytes.size(), grown), kLargest);
      void* const memory = ::operator new(sizeof(Chunk) + capacity);
      auto* const chunk = new (memory) Chunk{nullptr, 0, static_cast<std::uint32_t>(capacity)};
      (last_ == nullptr ? first_ : last_->next) = chunk;
      last_ = chunk;
    }
    const std::size_t n = std::min<std::size_t>(bytes.size(), last_->capacity - last_->size);
    std::memcpy(last_->data() + last_->size, bytes.data(), n);
    last_->size += static_cast<std::uint32_t>(n);
    bytes.remove_prefix(n);
  }
}

void Chunks::copy_next(std::string& out, std::size_t n) {
  if (cursor_ == nullptr) {
    cursor_ = first_;
    cursor_at_ = first_at_;
  }
  while (n > 0) {
    if (cursor_at_ == cursor_->size) {
      cursor_ = cursor_->next;
      cursor_at_ = 0;
    }
    const std::size_t piece = std::min<std::size_t>(n, cursor_->size - cursor_at_);
    out.append(cursor_->data() + cursor_at_, piece);
    cursor_at_ += static_cast<std::uint32_t>(piece);
    n -= piece;
  }
}

void Chunks::seek(std::size_t n) {
  cursor_ = nullptr;
  if (n == 0) {
    return;
  }
  cursor_ = first_;
  n += first_at_;
  while (n > cursor_->size) {
    n -= cursor_->size;
    cursor_ = cursor_->next;
  }
  cursor_at_ = static_cast<std::uint32_t>(n);
}

void Chunks::drop(std::size_t n) {
  size_ -= n;
  while (n > 0) {
    const std::size_t piece = std::min<std::size_t>(n, first_->size - first_at_);
    first_at_ += static_cast<std::uint32_t>(piece);
    n -= piece;
    if (first_at_ == first_->size) {
      pop_front();
    }
  }
}

std::size_t Chunks::take(char* out, std::size_t capacity) {
  const std::size_t taken = std::min(capacity, size_);
  for (std::size_t left = taken; left > 0;) {
    const std::size_t piece = std::min<std::size_t>(left, first_->size - first_at_);
    std::memcpy(out, first_->data() + first_at_, piece);
    out += piece;
    left -= piece;
    drop(piece);
  }
  return taken;
}

void Chunks::clear() {
  while (first_ != nullptr) {
    pop_front();
  }
  size_ = 0;
}

void Chunks::pop_front() {
  Chunk* const gone = first_;
  if (cursor_ == gone) {
    cursor_ = nullptr;
  }
  first_ = gone->next;
  first_at_ = 0;
  if (first_ == nullptr) {
    last_ = nullptr;
  }
  ::operator delete(gone);
}

}  // namespace rdev::mux
