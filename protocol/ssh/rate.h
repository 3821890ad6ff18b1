#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace rdev::ssh {

// What a connection can carry: what arrived a second while there was always more to send. Times and
// measurements go in.
class Rate final {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Microseconds = std::chrono::microseconds;

  struct Sample {
    Microseconds round_trip{};       // now
    std::uint64_t acknowledged = 0;  // bytes since the connection began
    bool busy = false;               // data waits for the network
  };
  // To be called while data is sent, several times a round trip; whether there is a new value().
  bool look(Time now, const Sample& sample);

  // Bytes a second; 0: not known yet.
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
  // An interval, of a round trip or more.
  std::optional<Time> began_;
  std::uint64_t acknowledged_ = 0;
  bool busy_ = false;  // all the time
};

}  // namespace rdev::ssh
