#pragma once

#include <boost/asio/steady_timer.hpp>

#include "protocol/base/asio.h"

namespace rdev::base {

// Wakes the coroutines that wait for it. It carries no state: a waiter looks at its condition,
// waits, and looks again. A waiter that is cancelled resumes as well; its next `co_await` then
// throws.
class Notify final {
 public:
  explicit Notify(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  // `co_await notify.wait();`
  auto wait() { return timer_.async_wait(use_tuple); }
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace rdev::base
