#pragma once

#include <boost/asio/io_context.hpp>
#include <utility>

#include "tests/unit/run.h"

namespace rdev::test {

template <class T>
awaitable<void> keep_result(awaitable<T> task, T& result) {
  result = co_await std::move(task);
}

// What `task` returns, run on `context`, which must outlive what the task leaves open.
template <class T>
T wait_for(asio::io_context& context, awaitable<T> task) {
  T result;
  run(context, keep_result(std::move(task), result));
  return result;
}

}  // namespace rdev::test
