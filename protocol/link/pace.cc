#include "protocol/link/pace.h"

#include <algorithm>
#include <utility>

namespace rdev::link {
namespace {

using std::chrono::duration;
using Microseconds = Pace::Microseconds;

constexpr std::chrono::milliseconds kLeastSpan{20}, kMostSpan{200};
constexpr int kSpreads = 2;
constexpr std::chrono::seconds kRemembered{10};
// The queue is to be short, but not empty: then the line would be, too. Beside it there is what the
// sender sends at once, which is some kilobytes however slow the line.
constexpr std::chrono::milliseconds kAim{5}, kMore{5};
constexpr double kOwnBytes = 8192;
constexpr double kGain = 0.8;  // of what would make the queue right until the next decision
constexpr double kMostLess = 0.5, kMostMore = 0.5;
constexpr double kLeastLimit = 65536, kFillsNothing = 131072;
// The rate still grows by so much, or did so few intervals ago.
constexpr double kFills = 1.15;
constexpr int kFull = 2;
constexpr int kLong = 2;  // one may be a packet that was lost, or a machine that was busy
// What arrives beside what was sent: less, and the line carries less than it did.
constexpr double kCarriesLess = 0.8;
constexpr int kSlow = 2;
constexpr std::chrono::milliseconds kPause{100};
// When a long queue does not become shorter by what we do, so many times, then it is not ours. To
// give way to it would be to starve.
constexpr double kNotAsExpected = 1.5;
constexpr int kProof = 3;
// After so many intervals without a queue the line is taken to carry what is sent.
constexpr int kSure = 3;
constexpr double kForget = 0.98;  // of the most that has been possible, a decision
constexpr std::chrono::seconds kEmptyEvery{4};

double seconds(duration<double> time) { return time.count(); }

Microseconds micros(double seconds) {
  return std::chrono::duration_cast<Microseconds>(duration<double>(seconds));
}

Microseconds delay(const Pace::Arrival& mark) {
  return mark.arrived - std::chrono::duration_cast<Microseconds>(mark.sent.time_since_epoch());
}

Microseconds aim(double rate) { return kAim + micros(kOwnBytes / std::max(rate, kLeastLimit)); }

}  // namespace

Microseconds Pace::most_queue(double rate) { return aim(rate) + kMore; }

void Pace::Shortest::add(Time now, Microseconds delay) {
  if (!now_ || now - began_ > 2 * kRemembered) {
    set(now, delay);
  } else if (now - began_ > kRemembered) {
    before_ = now_;
    now_ = delay;
    began_ = now;
  } else {
    now_ = std::min(*now_, delay);
  }
}

void Pace::Shortest::set(Time now, Microseconds delay) {
  now_ = delay;
  before_.reset();
  began_ = now;
}

Microseconds Pace::Shortest::value() const { return std::min(*now_, before_.value_or(*now_)); }

double Pace::Interval::rate() const {
  const double time = seconds(last.arrived - first.arrived);
  return static_cast<double>(last.bytes - first.bytes) / std::max(time, 1e-3);
}

double Pace::Interval::sent_rate() const {
  const double time = seconds(last.sent - first.sent);
  return static_cast<double>(last.bytes - first.bytes) / std::max(time, 1e-3);
}

void Pace::Interval::add(const Arrival& mark, bool is_late) {
  last = mark;
  longest = std::max(longest, delay(mark));
  if (delay(mark) <= delay(shortest)) {
    shortest = mark;
  }
  if (is_late) {
    later = std::min(later, delay(mark));
  }
  busy = busy && mark.busy;
}

// What the delays vary by must not be taken for the rate.
Microseconds Pace::length() const {
  const auto unsteady = kSpreads * (interval_->longest - delay(interval_->shortest));
  return std::max<Microseconds>(
      kLeastSpan, limit_ ? std::max(round_trip_ / 2, std::min<Microseconds>(unsteady, kMostSpan))
                         : round_trip_);
}

bool Pace::arrived(Time now, const Arrival& mark, std::uint64_t sent) {
  round_trip_ = std::min(round_trip_, std::chrono::duration_cast<Microseconds>(now - mark.sent));
  shortest_.add(now, delay(mark));
  if (mark.sent < from_) {
    return false;
  }
  if (!interval_) {
    interval_ = {.first = mark, .last = mark, .shortest = mark, .longest = delay(mark)};
    return false;
  }
  const Microseconds length = this->length();
  interval_->add(mark, mark.sent - interval_->first.sent > length / 2);
  if (mark.sent - interval_->first.sent < length) {
    return false;
  }
  const Interval seen = *interval_;
  interval_.reset();
  const auto before = limit_;
  decide(now, seen, sent);
  return limit_ != before;
}

void Pace::decide(Time now, const Interval& seen, std::uint64_t sent) {
  const double rate = seen.rate();
  const Microseconds queue = delay(seen.shortest) - shortest_.value();
  const bool is_long = queue > most_queue(rate);
  const bool filling = is_filling(rate);
  if (!seen.busy && !is_long) {
    stands_for_ = 0;
    return;  // the sender had reasons of its own to send less than it might
  }
  const double proven = std::min(rate, seen.sent_rate());
  most_ = std::max(proven, most_ * kForget);
  long_for_ = is_long ? long_for_ + 1 : 0;
  if (!limit_ && (long_for_ < kLong || filling || rate < kFillsNothing)) {
    return;
  }
  from_ = now;
  if (is_anothers(is_long ? seconds(queue) : 0)) {
    stands_for_ = 0;
    expected_ = 0;
    shortest_.set(now, delay(seen.shortest));
    return set_limit(most_);
  }
  if (limit_ && is_slower(rate, queue, is_long)) {
    rates_ = {};
    most_ = rate;
  }
  const double carries = this->carries(proven, queue);
  // What has been sent since that mark joins the queue. But where none has come up for a while, the
  // line may carry all that.
  const bool no_queue = limit_ && !empties_ && seen.later - shortest_.value() < aim(rate) / 4;
  empty_for_ = no_queue ? empty_for_ + 1 : 0;
  const bool empty = empty_for_ >= kSure;
  const double since = (static_cast<double>(sent) - static_cast<double>(seen.shortest.bytes)) /
                       (empty ? std::max(carries, static_cast<double>(*limit_)) : carries);
  const double by_now = std::max(0.0, seconds(queue) + since - seconds(now - seen.shortest.sent));
  const double change = correction(now, seen, by_now, carries);
  expected_ = std::max(0.0, by_now + change * seconds(seen.last.sent - seen.first.sent));
  set_limit(carries * (1 + change));
}

// Without a limit TCP sends ever more until the line is full, a burst each round trip at first;
// what it may not send yet waits, but not for the line.
bool Pace::is_filling(double rate) {
  const bool grows = rate > kFills * fills_;
  fills_ = grows ? rate : fills_;
  full_for_ = grows ? 0 : full_for_ + 1;
  return full_for_ < kFull;
}

// The line, than it was. One packet that was lost, and a machine that was busy, look alike for as
// long as an interval.
bool Pace::is_slower(double rate, Microseconds queue, bool is_long) {
  const bool slow = is_long && rate < kCarriesLess * static_cast<double>(*limit_);
  slow_for_ = slow ? slow_for_ + 1 : 0;
  return slow_for_ >= kSlow || (slow && queue > kPause);
}

// What we send and what arrives tells how a queue of ours goes on. One that stays longer than that
// is somebody else's, or the path has become longer.
bool Pace::is_anothers(double queue) {
  if (!limit_ || queue < kNotAsExpected * expected_ || queue < expected_ + seconds(kMore)) {
    stands_for_ = 0;
  } else {
    ++stands_for_;
  }
  return stands_for_ >= kProof;
}

// What the line can carry: what it has carried, of late; what had waited somewhere and arrives at
// once shows no more than what was sent. Where a queue stands the line is full, and the best rates
// were luck. Without one it may be more than was seen.
double Pace::carries(double proven, Microseconds queue) {
  rates_[next_++ % rates_.size()] = proven;
  auto sorted = rates_;
  std::sort(sorted.begin(), sorted.end());
  const auto known =
      std::find_if(sorted.begin(), sorted.end(), [](double rate) { return rate > 0; });
  const bool stands = queue >= aim(proven) / 2;
  return stands ? known[(sorted.end() - known) * 3 / 4] : sorted.back();
}

// `queue`: by now, seconds.
double Pace::correction(Time now, const Interval& seen, double queue, double rate) {
  const double wanted = seconds(aim(rate));
  double error = wanted - queue;
  if (std::exchange(empties_, false)) {
    error = std::min(error, 0.0);  // it is empty because we let it be
    short_for_ = 0;
  } else {
    short_for_ = queue < wanted / 2 ? std::min(short_for_ + 1, 8) : 0;
    empties_ = now - emptied_ > kEmptyEvery;
  }
  if (empties_) {
    emptied_ = now;
    error = -queue - 2 * wanted;
  }
  const double period = seconds(now - seen.first.sent);
  const double step = kGain * error / period * (1 << std::max(short_for_ - 1, 0));
  return std::clamp(step, -kMostLess, kMostMore);
}

void Pace::set_limit(double limit) {
  limit_ = static_cast<std::uint64_t>(std::max(limit, kLeastLimit));
}

}  // namespace rdev::link
