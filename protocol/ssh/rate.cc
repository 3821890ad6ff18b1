#include "protocol/ssh/rate.h"

#include <algorithm>

namespace rdev::ssh {
namespace {

constexpr std::chrono::milliseconds kLeastInterval{10};

}  // namespace

bool Rate::look(Time now, const Sample& sample) {
  const bool first = !began_;
  busy_ = !first && busy_ && sample.busy;
  const auto interval =
      first ? Microseconds(0) : std::chrono::duration_cast<Microseconds>(now - *began_);
  if (!first && interval < std::max<Microseconds>(sample.round_trip, kLeastInterval)) {
    return false;
  }
  const bool known = busy_ && sample.acknowledged > acknowledged_;
  if (known) {
    value_ = static_cast<std::uint64_t>(static_cast<double>(sample.acknowledged - acknowledged_) /
                                        std::chrono::duration<double>(interval).count());
  }
  began_ = now;
  acknowledged_ = sample.acknowledged;
  busy_ = sample.busy;
  return known;
}

}  // namespace rdev::ssh
