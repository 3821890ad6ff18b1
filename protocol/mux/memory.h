#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace rdev::mux {

// The bytes that many lanes hold together, and what one of them may hold. Who comes finds room
// however many others are stuck, and each always goes on a bit, so that nobody is ever dropped:
//  - never more than two thirds of what is free (dynamic thresholds; Choudhury and Hahne 1998);
//  - of that, twice what its consumer has shown to take, and a first portion that becomes smaller
//    as the memory fills: of n that nobody reads limit / sqrt(1 + n / 12) stays free;
//  - always `least`.
// So at most `limit` bytes are held, and `least` for each lane beside them.
class Memory final {
 public:
  static constexpr std::size_t kLeast = 1024;

  // `above` is shared with others: what is taken here is taken there as well.
  explicit Memory(std::size_t limit, std::shared_ptr<Memory> above = nullptr,
                  std::size_t least = kLeast)
      : limit_(limit), least_(least), above_(std::move(above)) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { set(used_, 0); }

  // A lane holds `now` bytes where it held `before`.
  void set(std::size_t before, std::size_t now);
  // What a lane may hold that holds `held` now, and whose consumer has taken `moved` bytes so far.
  std::uint64_t share(std::uint64_t held, std::uint64_t moved) const;

  std::size_t used() const { return used_; }
  std::size_t limit() const { return limit_; }
  std::size_t least() const { return least_; }

 private:
  const std::size_t limit_, least_;
  const std::shared_ptr<Memory> above_;
  std::size_t used_ = 0;
};

// Of one mux: with kLeast of each lane of 4096 streams, two of data and two of stderr, 64 MiB.
inline constexpr std::size_t kSessionMemory = std::size_t{48} << 20U;

}  // namespace rdev::mux
