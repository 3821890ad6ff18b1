#include "protocol/link/flow.h"

#include <algorithm>

namespace rdev::link {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::microseconds;

// Few enough to cost nothing, and several in each interval of the pace.
constexpr std::chrono::milliseconds kBetween{4};
constexpr std::uint64_t kBytesBetween = 8192;
constexpr std::size_t kMostMarks = 512;  // without an answer
constexpr std::size_t kLeastPortion = 4096;
constexpr double kPortion = 1.5e-3;  // s, of the limit
// A timer is late at times, and what was missed meanwhile is made up for.
constexpr std::chrono::milliseconds kBurst{2};

std::uint64_t micros(std::chrono::steady_clock::time_point time) {
  return static_cast<std::uint64_t>(duration_cast<microseconds>(time.time_since_epoch()).count());
}

}  // namespace

awaitable<void> Flow::turn() {
  if (pace_.limit() && next_ > Clock::now()) {
    waited_ = true;
    timer_.expires_at(next_);
    (void)co_await timer_.async_wait(use_tuple);
  }
}

std::optional<std::string> Flow::mark() {
  const auto now = Clock::now();
  if (bytes_ - last_.bytes < kBytesBetween || now - last_.sent < kBetween ||
      marks_.size() >= kMostMarks) {
    return std::nullopt;
  }
  last_ = {.sent = now, .arrived = {}, .bytes = bytes_, .busy = waited_ || !idle_};
  idle_ = waited_ = false;
  marks_.push_back(last_);
  std::string payload;
  wire::append_u64(payload, micros(now));
  return payload;
}

void Flow::sent(std::size_t bytes) {
  bytes_ += bytes;
  if (const auto limit = pace_.limit()) {
    const duration<double> takes(static_cast<double>(bytes) / static_cast<double>(*limit));
    next_ = std::max(next_, Clock::now() - kBurst) + duration_cast<Clock::duration>(takes);
  }
}

Result<std::string> Flow::answer(std::string_view mark) {
  if (mark.size() != sizeof(std::uint64_t)) {
    return fail(Code::kProtocol, "a mark cannot be read");
  }
  std::string payload(mark);
  wire::append_u64(payload, micros(Clock::now()));
  return payload;
}

Result<void> Flow::arrived(std::string_view payload) {
  const auto sent = wire::take_u64(payload);
  const auto arrived = wire::take_u64(payload);
  // What is later than this comes from no clock.
  constexpr std::uint64_t kMostMicros = std::uint64_t{1} << 60U;
  if (!sent || !arrived || *arrived > kMostMicros) {
    return fail(Code::kProtocol, "the answer to a mark cannot be read");
  }
  while (!marks_.empty() && micros(marks_.front().sent) < *sent) {
    marks_.pop_front();
  }
  if (marks_.empty() || micros(marks_.front().sent) != *sent) {
    return {};
  }
  Pace::Arrival mark = marks_.front();
  marks_.pop_front();
  mark.arrived = microseconds(*arrived);
  const auto now = Clock::now();
  if (pace_.arrived(now, mark, sent_by(now))) {
    follow(pace_.limit());
  }
  return {};
}

// Of a burst, what would have been sent had it been spread as the limit has it.
std::uint64_t Flow::sent_by(Clock::time_point now) const {
  const auto limit = pace_.limit();
  if (!limit || next_ <= now) {
    return bytes_;
  }
  const double early = duration<double>(next_ - now).count() * static_cast<double>(*limit);
  return bytes_ - std::min(bytes_, static_cast<std::uint64_t>(early));
}

void Flow::follow(std::optional<std::uint64_t> limit) {
  portion_ = limit ? std::max(kLeastPortion,
                              static_cast<std::size_t>(static_cast<double>(*limit) * kPortion))
                   : std::numeric_limits<std::size_t>::max();
}

}  // namespace rdev::link
