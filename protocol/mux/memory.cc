#include "protocol/mux/memory.h"

#include <algorithm>

namespace rdev::mux {
namespace {
// A few begin with 2 MiB of kSessionMemory, as large as their windows.
constexpr std::uint64_t kPortions = 24;
// A sender that keeps less than windows grow by, which double, would slow that down.
constexpr std::uint64_t kGrowth = 2;
}  // namespace

void Memory::set(std::size_t before, std::size_t now) {
  used_ = used_ - before + now;
  if (above_) {
    above_->set(before, now);
  }
}

std::uint64_t Memory::share(std::uint64_t held, std::uint64_t moved) const {
  // What is free, and what it has itself: of that, so that it stays where it is when it has it.
  const std::uint64_t others = used_ - std::min<std::uint64_t>(used_, held);
  const std::uint64_t free = limit_ - std::min<std::uint64_t>(limit_, others);
  const std::uint64_t limit = std::max<std::uint64_t>(limit_, 1);
  const std::uint64_t first = free * free / limit * free / limit / kPortions;
  const std::uint64_t here =
      std::max<std::uint64_t>(least_, std::min(free * 2 / 3, first + kGrowth * moved));
  return above_ ? std::min(here, above_->share(held, moved)) : here;
}

}  // namespace rdev::mux
