#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/asio.h"
#include "protocol/base/notify.h"

namespace rdev::agent {

struct LifetimeOptions {
  std::string job_name;                       // for the warning
  std::optional<std::chrono::seconds> limit;  // from now on; nothing: no end
  // Called with a sentence, once for each of `warnings` as it comes near; again when an extension
  // has moved the end beyond it. One that is not shorter than what is left to begin with is left
  // out.
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
  Result<std::chrono::seconds> extend(std::chrono::seconds add);
  static constexpr std::chrono::hours kMax{24 * 3660};

  // Not negative; nothing: no end.
  std::optional<std::chrono::seconds> remaining() const;

  // Resolves when it is over, also after extensions; never without an end. Warns on the way, so it
  // must be running, once.
  awaitable<void> over();

 private:
  LifetimeOptions options_;
  std::optional<std::chrono::steady_clock::time_point> end_;
  base::Notify changed_;
};

}  // namespace rdev::agent
