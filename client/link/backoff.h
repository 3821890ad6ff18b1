#pragma once

#include <algorithm>
#include <chrono>

namespace rdev::link_process {

// How long to wait before the next try: doubling from `first` to `longest`, a fifth more or less so
// that many do not come at once.
class Backoff final {
 public:
  using Milliseconds = std::chrono::milliseconds;
  Backoff(Milliseconds first, Milliseconds longest)
      : first_(first), longest_(longest), next_(first) {}

  // `chance` is from 0 to 1.
  Milliseconds next(double chance) {
    const Milliseconds pause = next_;
    next_ = std::min(next_ * 2, longest_);
    const double factor = 0.8 + 0.4 * chance;
    return Milliseconds(
        static_cast<Milliseconds::rep>(static_cast<double>(pause.count()) * factor));
  }
  void reset() { next_ = first_; }

 private:
  Milliseconds first_, longest_, next_;
};

}  // namespace rdev::link_process
