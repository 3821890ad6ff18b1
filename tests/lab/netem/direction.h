#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "tests/lab/netem/flows.h"

namespace rdev::netem {

using Clock = std::chrono::steady_clock;

struct Counters {
  std::uint64_t packets = 0;  // delivered
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;        // by chance
  std::uint64_t queue_full = 0;  // drop-tail
  std::uint64_t cut = 0;
  std::uint64_t dead = 0;               // of flows that were killed
  std::chrono::nanoseconds latest{};    // the most that a packet left after its time
  std::chrono::nanoseconds late_sum{};  // of all packets
};

// One way of the link: packets come from a TUN device and go, later, to another. First-in
// first-out, never reordered.
class Direction final {
 public:
  // What the link is like; may change at any time, for the packets that come then.
  struct Shape {
    Clock::duration delay{};
    double bits_per_second = 0;                              // of IP packets; 0: no limit
    Clock::duration queue = std::chrono::milliseconds(100);  // longer waits for the line are drops
    double loss = 0;                                         // probability
  };

  Direction(int from, int to) : from_(from), to_(to) {}

  Shape& shape() { return shape_; }
  void seed(std::uint64_t value) { random_.seed(value); }
  // Nothing passes until then, and what is on the way is gone.
  void cut(Clock::time_point until);
  void kill_flows() { flows_.kill(); }
  void reset_flows(Clock::time_point now);

  // Takes the packets that wait at the device.
  void take();
  // Delivers what is due; when the next packet will be.
  std::optional<Clock::time_point> deliver();

  int from() const { return from_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Packet {
    Clock::time_point due;
    std::string bytes;
  };
  void queue(std::string bytes, Clock::time_point now);

  int from_;
  int to_;
  Shape shape_;
  Flows flows_;
  std::mt19937_64 random_;
  std::deque<Packet> packets_;
  Clock::time_point line_free_;
  Clock::time_point last_due_;
  Clock::time_point cut_until_;
  Counters counters_;
};

}  // namespace rdev::netem
