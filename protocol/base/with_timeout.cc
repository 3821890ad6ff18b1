#include "protocol/base/with_timeout.h"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>

namespace rdev::base {

awaitable<bool> ends_within(awaitable<void> work, std::chrono::steady_clock::duration limit) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  auto [order, work_error, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(work), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] != 0) {
    co_return false;
  }
  if (work_error) {
    std::rethrow_exception(work_error);
  }
  co_return true;
}

Error took_too_long(const std::string& what, std::chrono::steady_clock::duration limit) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  return {Code::kTimeout, what + " took longer than " + std::to_string(ms / 1000) + "." +
                              std::to_string(ms % 1000 / 100) + " s"};
}

}  // namespace rdev::base
