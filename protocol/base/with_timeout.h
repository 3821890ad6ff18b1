#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "protocol/base/asio.h"

namespace rdev::base {

// Runs `work` for at most `limit`, then cancels it; it has ended when this returns. Whether it was
// in time. (Asio's `a || timer` waits for the timer when `a` throws and loses the exception, hence
// a parallel_group; that takes 15 kB of code for each type, hence it is here only once.)
awaitable<bool> ends_within(awaitable<void> work, std::chrono::steady_clock::duration limit);

Error took_too_long(const std::string& what, std::chrono::steady_clock::duration limit);

template <class T>
awaitable<void> keep_result(awaitable<Result<T>> work, std::optional<Result<T>>& result) {
  result.emplace(co_await std::move(work));
}

// What `work` returns, or Code::kTimeout "WHAT took longer than N s" after `limit`; `work` is then
// cancelled and has ended before this returns.
template <class T>
awaitable<Result<T>> with_timeout(awaitable<Result<T>> work,
                                  std::chrono::steady_clock::duration limit, std::string what) {
  std::optional<Result<T>> result;
  const bool in_time = co_await ends_within(keep_result(std::move(work), result), limit);
  if (!in_time || !result) {
    co_return tl::make_unexpected(took_too_long(what, limit));
  }
  co_return *std::move(result);
}

}  // namespace rdev::base
