#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rdev::link {

// How fast one direction of a connection may send so that the queue at the narrowest point of its
// path stays short: TCP's loss-based congestion control fills that queue, and every keystroke waits
// in it.
//
// The queue shows in the delay of one direction (RFC 6817 measures the same): what marks among the
// bytes take longer than the fastest one of late. While that is short nothing is limited. From then
// on the sender may send what arrives, a little more or less as the queue is shorter or longer than
// its aim, so that less than (shortest way + most_queue()) * rate are on their way.
// Time and measurements go in.
class Pace final {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Microseconds = std::chrono::microseconds;

  // What the peer says of a mark. They come in the order in which they were sent.
  struct Arrival {
    Time sent;
    Microseconds arrived{};   // by the peer's clock, which may begin anywhere
    std::uint64_t bytes = 0;  // that were sent before it, of the connection
    // Since the mark before there was always more to send, or the limit was waited for.
    bool busy = false;
  };
  // `sent`: bytes, by now. Whether limit() has changed.
  bool arrived(Time now, const Arrival& mark, std::uint64_t sent);

  // Bytes a second; nothing: as the carrier likes.
  std::optional<std::uint64_t> limit() const { return limit_; }
  // The delay above which the sender sends less, at this rate (bytes a second).
  static Microseconds most_queue(double rate);

 private:
  // The shortest of the last 10 to 20 s: clocks drift, and paths change.
  class Shortest final {
   public:
    void add(Time now, Microseconds delay);
    Microseconds value() const;
    void set(Time now, Microseconds delay);

   private:
    std::optional<Microseconds> now_, before_;
    Time began_;
  };
  // What was seen of the marks that were sent while the limit was what it is.
  struct Interval {
    Arrival first, last;
    Arrival shortest;  // of the least delay: what stands in the queue, whatever comes and goes
    Microseconds longest{};                    // delay
    Microseconds later = Microseconds::max();  // the least delay in its second half
    bool busy = true;

    void add(const Arrival& mark, bool is_late);
    // Bytes a second.
    double rate() const;
    double sent_rate() const;
  };

  Microseconds length() const;  // of interval_
  void decide(Time now, const Interval& seen, std::uint64_t sent);
  bool is_filling(double rate);
  bool is_slower(double rate, Microseconds queue, bool is_long);
  bool is_anothers(double queue);
  double carries(double proven, Microseconds queue);
  double correction(Time now, const Interval& seen, double queue, double rate);
  void set_limit(double limit);

  std::optional<std::uint64_t> limit_;
  Microseconds round_trip_ = Microseconds::max();  // the shortest
  Shortest shortest_;
  Time from_;  // marks that were sent earlier say nothing about limit_
  std::optional<Interval> interval_;

  // Of the last intervals.
  std::array<double, 8> rates_{};
  std::size_t next_ = 0;
  double fills_ = 0;  // the rate, without a limit
  int full_for_ = 0;  // so many intervals it has not grown
  double most_ = 0;   // that has been possible
  // So many intervals:
  int long_for_ = 0;     // there has been a queue
  int slow_for_ = 0;     // and less came than was let go
  int empty_for_ = 0;    // no queue has come up
  int short_for_ = 0;    // it has been short
  double expected_ = 0;  // of the queue, seconds
  int stands_for_ = 0;   // so many times it has been longer than that
  bool empties_ = false;
  Time emptied_;  // the queue, so that the shortest delay is seen
};

}  // namespace rdev::link
