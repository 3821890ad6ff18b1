#include "protocol/ssh/pace.h"

#include <algorithm>

namespace rdev::ssh {
namespace {

using std::chrono::duration;

constexpr std::chrono::milliseconds kLeastInterval{10};
constexpr Pace::Microseconds kAim = Pace::kMostQueue * 3 / 10;
constexpr double kGain = 0.5;  // of what would make the queue right in one round trip
constexpr double kMostLess = 0.5, kMostMore = 0.25;
constexpr std::uint64_t kLeastRate = 16384;
// What arrives beside what was sent a round trip ago: less, and a queue of ours grows; more, and it
// drains. In between it stays as it is.
constexpr double kGrows = 0.8, kDrains = 1.25;
// When the queue is long although we send that much less than has been possible, for so many round
// trips, then it is not ours: somebody else fills it, or the path has become longer. To give way to
// it would be to starve.
constexpr double kMuchLess = 0.8;
constexpr int kProof = 2;
constexpr double kForget = 0.98;  // of the most that has been possible, an interval

double seconds(Pace::Microseconds time) { return duration<double>(time).count(); }

}  // namespace

bool Pace::look(Time now, const Sample& sample) {
  shortest_ = std::min(shortest_.value_or(sample.shortest), sample.round_trip);
  if (!began_) {
    begin(now, sample);
  }
  busy_ = busy_ && sample.busy;
  least_ = std::min(least_, sample.round_trip);
  const Microseconds interval = std::chrono::duration_cast<Microseconds>(now - *began_);
  // Nothing arrives for a while when the path becomes longer.
  if (interval < std::max<Microseconds>(*shortest_, kLeastInterval) ||
      sample.acknowledged <= acknowledged_) {
    return false;
  }
  const double arrived = static_cast<double>(sample.acknowledged - acknowledged_);
  const Microseconds round_trip = least_;
  const bool was_busy = busy_;
  begin(now, sample);
  if (!was_busy) {
    stands_since_.reset();
    return false;
  }
  rate_ = std::max(kLeastRate, static_cast<std::uint64_t>(arrived / seconds(interval)));
  most_ = std::max(rate_, static_cast<std::uint64_t>(static_cast<double>(most_) * kForget));
  rates_[next_++ % rates_.size()] = rate_;
  const auto before = limit_;
  settle(now, round_trip - *shortest_, round_trip);
  if (limit_) {
    limit_ = std::max(*limit_, kLeastRate);
    limits_[next_ % limits_.size()] = {.since = now, .limit = *limit_};
  }
  return limit_ != before;
}

void Pace::begin(Time now, const Sample& sample) {
  began_ = now;
  acknowledged_ = sample.acknowledged;
  busy_ = sample.busy;
  least_ = sample.round_trip;
}

void Pace::settle(Time now, Microseconds queue, Microseconds round_trip) {
  if (!limit_ && queue <= kMostQueue) {
    return;
  }
  const double was = static_cast<double>(limit_at(now - round_trip).value_or(2 * rate_));
  const double ratio = static_cast<double>(rate_) / was;
  if (queue > kMostQueue) {
    if (ratio < kGrows) {
      rates_ = {};  // it carries less than it did
    }
    if (is_anothers(now, ratio, round_trip)) {
      shortest_ = round_trip;
      limit_ = most_;
    } else if (!stands_since_) {
      limit_ = std::max(times(rate_, correction(queue, round_trip)),
                        times(limit_.value_or(0), 1 - kMostLess));
    }
    return;
  }
  stands_since_.reset();
  // The sender may have had reasons of its own to send less than it might: the most of late counts.
  const std::uint64_t carries = *std::max_element(rates_.begin(), rates_.end());
  const std::uint64_t next = times(std::max(carries, rate_), correction(queue, round_trip));
  limit_ = queue < kAim ? std::max(next, *limit_) : next;
}

std::uint64_t Pace::times(std::uint64_t rate, double factor) {
  return static_cast<std::uint64_t>(static_cast<double>(rate) * factor);
}

double Pace::correction(Microseconds queue, Microseconds round_trip) {
  short_for_ = queue < kAim / 2 ? std::min(short_for_ + 1, 8) : 0;
  const double step = seconds(kAim - queue) / seconds(round_trip);
  return 1 + std::clamp(kGain * step * (1 << (short_for_ / 2)), -kMostLess, kMostMore);
}

std::optional<std::uint64_t> Pace::limit_at(Time then) const {
  std::optional<std::uint64_t> found;
  Time since;
  for (const Limited& one : limits_) {
    if (one.limit != 0 && one.since <= then && one.since >= since) {
      found = one.limit;
      since = one.since;
    }
  }
  return found;
}

bool Pace::is_anothers(Time now, double ratio, Microseconds round_trip) {
  if (ratio < kGrows || ratio > kDrains || rate_ > times(most_, kMuchLess)) {
    stands_since_.reset();
    return false;
  }
  stands_since_ = stands_since_.value_or(now);
  if (now - *stands_since_ < kProof * round_trip) {
    return false;
  }
  stands_since_.reset();
  return true;
}

}  // namespace rdev::ssh
