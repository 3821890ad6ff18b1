#pragma once

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <utility>

#include "protocol/base/asio.h"

namespace rdev::commands {

// What `work` returns; when SIGINT, SIGTERM or SIGHUP comes first, `work` is cancelled, has ended,
// and the result is Code::kCancelled with `*signal` set. Afterwards the signals end the process
// again.
template <class T>
awaitable<Result<T>> interruptible(awaitable<Result<T>> work, int* signal) {
  auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals(executor, SIGINT, SIGTERM, SIGHUP);
  auto [order, work_error, result, signal_error, number] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(work), asio::deferred),
          signals.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] != 0) {
    *signal = number;
    co_return fail(Code::kCancelled, "interrupted");
  }
  if (work_error) {
    std::rethrow_exception(work_error);
  }
  co_return std::move(result);
}

}  // namespace rdev::commands
