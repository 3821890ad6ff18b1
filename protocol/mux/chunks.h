#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rdev::mux {

// Bytes in order, kept until they are dropped from the front; a cursor copies them out before that.
// Empty, it owns no memory; else little more than its bytes, in chunks that grow with the flow.
class Chunks final {
 public:
  Chunks() = default;
  Chunks(const Chunks&) = delete;
  Chunks& operator=(const Chunks&) = delete;
  ~Chunks() { clear(); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void append(std::string_view bytes);
  // Appends the `n` bytes behind the cursor to `out` and moves it; there must be so many.
  void copy_next(std::string& out, std::size_t n);
  // Puts the cursor behind the first `n` bytes.
  void seek(std::size_t n);
  // Forgets the first `n` bytes, which the cursor must have passed.
  void drop(std::size_t n);
  // Moves up to `capacity` bytes out from the front; how many. Not to be mixed with copy_next().
  std::size_t take(char* out, std::size_t capacity);
  void clear();

 private:
  struct Chunk;

  void pop_front();

  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  Chunk* cursor_ = nullptr;      // nullptr: before the first byte
  std::uint32_t first_at_ = 0;   // dropped from first_
  std::uint32_t cursor_at_ = 0;  // passed in cursor_
  std::size_t size_ = 0;
};

}  // namespace rdev::mux
