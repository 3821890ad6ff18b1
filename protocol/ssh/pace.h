#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rdev::ssh {

// How fast a TCP connection may send so that the queue at the narrowest point of its path stays
// short: loss-based congestion control fills that queue, and every keystroke waits in it.
//
// The queue shows in the round trip: what it takes above the shortest one. While that stays below
// kMostQueue nothing is limited. From then on the connection may send, for a round trip each, what
// arrives there, a little more or less as the queue is shorter or longer than 3 ms; so less than
// (shortest round trip + kMostQueue) * rate are on their way (the idea of TCP Vegas and BBR, as far
// as a program can follow it without privileges).
// Time and measurements go in.
class Pace final {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Microseconds = std::chrono::microseconds;
  static constexpr Microseconds kMostQueue{10000};

  struct Sample {
    Microseconds round_trip{};       // now, smoothed over a few packets
    Microseconds shortest{};         // of the connection
    std::uint64_t acknowledged = 0;  // bytes since the connection began
    bool busy = false;               // data waits for the network
  };
  // To be called while data is sent, several times a round trip; whether limit() has changed.
  bool look(Time now, const Sample& sample);

  // Bytes a second; nothing: as the kernel likes.
  std::optional<std::uint64_t> limit() const { return limit_; }
  // What arrived a second, bytes, when there was enough to send; 0: not known yet.
  std::uint64_t rate() const { return rate_; }

 private:
  struct Limited {
    Time since;
    std::uint64_t limit;
  };

  void begin(Time now, const Sample& sample);
  void settle(Time now, Microseconds queue, Microseconds round_trip);
  double correction(Microseconds queue, Microseconds round_trip);
  std::optional<std::uint64_t> limit_at(Time then) const;
  bool is_anothers(Time now, double ratio, Microseconds round_trip);
  static std::uint64_t times(std::uint64_t rate, double factor);

  std::optional<Microseconds> shortest_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t rate_ = 0;

  // An interval, of the shortest round trip or more.
  std::optional<Time> began_;
  std::uint64_t acknowledged_ = 0;
  bool busy_ = true;      // all the time
  Microseconds least_{};  // round trip: what stands in the queue, whatever comes and goes

  std::size_t next_ = 0;                   // of the next two
  std::array<std::uint64_t, 10> rates_{};  // of the last intervals
  std::array<Limited, 32> limits_{};
  std::uint64_t most_ = 0;            // that has been possible
  int short_for_ = 0;                 // so many intervals the queue has been short
  std::optional<Time> stands_since_;  // it has been long for no reason of ours
};

}  // namespace rdev::ssh
