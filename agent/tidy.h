#pragma once

#include <boost/asio/steady_timer.hpp>

#include "protocol/base/asio.h"

namespace rdev::agent {

// Gives memory back to the system: what a crowd of sessions needed lies in pieces between what is
// still used, where free(3) alone leaves it for ever.
class Tidy final {
 public:
  explicit Tidy(const asio::any_io_executor& executor);

  // Something large has ended. Acts in a moment, once for all that end until then.
  void soon();
  // Does `work`, which is that large.
  awaitable<void> after(awaitable<void> work);

 private:
  asio::steady_timer timer_;
  bool due_ = false;
};

}  // namespace rdev::agent
