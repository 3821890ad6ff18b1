#pragma once

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "protocol/base/asio.h"

namespace rdev::base {

// What `work` returns, or Code::kTimeout "WHAT took longer than N s" after `limit`; `work` is then
// cancelled and has ended before this returns. (Asio's `a || timer` waits for the timer when `a`
// throws and loses the exception, hence the parallel_group.)
template <class T>
awaitable<Result<T>> with_timeout(awaitable<Result<T>> work,
                                  std::chrono::steady_clock::duration limit, std::string what) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  auto [order, work_error, result, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(work), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] != 0) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    co_return fail(Code::kTimeout, what + " took longer than " + std::to_string(ms / 1000) + "." +
                                       std::to_string(ms % 1000 / 100) + " s");
  }
  if (work_error) {
    std::rethrow_exception(work_error);
  }
  co_return std::move(result);
}

}  // namespace rdev::base
