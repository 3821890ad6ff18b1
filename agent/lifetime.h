#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/asio.h"

namespace rdev::agent {

struct LifetimeOptions {
  std::string job_name;                            // for the warning
  std::optional<std::chrono::milliseconds> limit;  // from now on; nothing: no end
  // Called with a sentence, so long before the end as `warnings` say: once each, again after an
  // extension that moved the end further away than that. One that lies in the past to begin with is
  // left out.
  std::function<void(const std::string&)> warn;
  std::vector<std::chrono::milliseconds> warnings = {std::chrono::minutes(10),
                                                     std::chrono::minutes(1)};
};

// How long the job lives: an end that can be put off.
class Lifetime final {
 public:
  Lifetime(const asio::any_io_executor& executor, LifetimeOptions options);
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  // What is left then. Code::kUsage: there is no end, nothing to add, or it would be longer than
  // kMax; Code::kClosed: it is over.
  Result<std::chrono::seconds> extend(std::chrono::milliseconds add);
  static constexpr std::chrono::hours kMax{24 * 3660};  // ten years

  // Not negative; nothing: no end.
  std::optional<std::chrono::seconds> remaining() const;
  // "train ends in 2 h 5 min"; empty without an end.
  std::string end_in_words() const;

  // Resolves when it is over, also after extensions; never without an end. Warns on the way, so it
  // must be running, once.
  awaitable<void> over();

 private:
  using Clock = std::chrono::steady_clock;

  struct Warning {
    Clock::duration before;  // the end
    bool due = false;
  };
  void arm_warnings();
  void warn_of(Clock::duration left) const;
  Clock::time_point next_step() const;

  LifetimeOptions options_;
  std::optional<Clock::time_point> end_;
  std::vector<Warning> warnings_;
  asio::steady_timer timer_;
};

}  // namespace rdev::agent
