#include "protocol/ssh/pace.h"

#include <algorithm>

namespace rdev::ssh {
namespace {

using std::chrono::duration;

constexpr std::chrono::milliseconds kLeastInterval{10};
constexpr Pace::Microseconds kAim = Pace::kMostQueue / 2;
constexpr double kGain = 0.5;  // of what would make the queue right in one round trip
constexpr double kMostLess = 0.3, kMostMore = 0.25;
// When all that is sent arrives, and the queue does not get shorter, then it is not ours: somebody
// else fills it, or the path has become longer. To give way to it would be to starve.
constexpr int kProof = 2;  // round trips
constexpr double kAllOfIt = 1.25, kNotShorter = 0.9;
constexpr std::uint64_t kLeastRate = 16384;

}  // namespace

bool Pace::look(Time now, const Sample& sample) {
  shortest_ = std::min(shortest_.value_or(sample.shortest), sample.round_trip);
  if (!began_) {
    began_ = now;
    acknowledged_ = sample.acknowledged;
    busy_ = true;
  }
  busy_ = busy_ && sample.busy;
  const Microseconds interval = std::chrono::duration_cast<Microseconds>(now - *began_);
  if (interval < std::max<Microseconds>(*shortest_, kLeastInterval)) {
    return false;
  }
  const double arrived = static_cast<double>(sample.acknowledged - acknowledged_);
  const bool was_busy = busy_;
  began_ = now;
  acknowledged_ = sample.acknowledged;
  busy_ = sample.busy;
  if (!was_busy) {
    return false;
  }
  rate_ = std::max(kLeastRate,
                   static_cast<std::uint64_t>(arrived / duration<double>(interval).count()));
  return settle(now, sample.round_trip - *shortest_, sample.round_trip);
}

bool Pace::settle(Time now, Microseconds queue, Microseconds round_trip) {
  if (!limit_ && queue <= kMostQueue) {
    return false;
  }
  if (is_anothers(now, queue, round_trip)) {
    shortest_ = round_trip;
    limit_.reset();
    return true;
  }
  short_for_ = queue < kAim / 2 ? std::min(short_for_ + 1, 8) : 0;
  const double step = duration<double>(kAim - queue) / duration<double>(round_trip);
  const double change = std::clamp(kGain * step * (1 << (short_for_ / 2)), -kMostLess, kMostMore);
  const auto next = static_cast<std::uint64_t>(static_cast<double>(rate_) * (1 + change));
  was_limit_ = limit_;
  was_queue_ = queue;
  // What has arrived may be less than what was allowed for reasons of the sender's own.
  limit_ = std::max(kLeastRate, change > 0 ? std::max(next, limit_.value_or(0)) : next);
  return true;
}

bool Pace::is_anothers(Time now, Microseconds queue, Microseconds round_trip) {
  const bool stands = queue > kMostQueue && was_limit_ &&
                      static_cast<double>(rate_) <= kAllOfIt * static_cast<double>(*was_limit_) &&
                      duration<double>(queue) >= kNotShorter * duration<double>(was_queue_);
  if (!stands) {
    stands_since_.reset();
    return false;
  }
  stands_since_ = stands_since_.value_or(now);
  if (now - *stands_since_ < kProof * round_trip) {
    return false;
  }
  stands_since_.reset();
  was_limit_.reset();
  return true;
}

}  // namespace rdev::ssh
