#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include "protocol/base/asio.h"

namespace rdev::test {

// Runs one coroutine to its end; ends the program when it hangs.
template <class T>
T run(asio::io_context& context, awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr thrown;
  bool done = false;
  asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& e, T value) {
    thrown = e;
    if (!e) {
      result.emplace(std::move(value));
    }
    done = true;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  context.restart();
  while (!done) {
    if (context.run_one_until(deadline) == 0) {
      // What it refers to is about to go: no test can go on from here.
      std::fputs("the coroutine hangs\n", stderr);
      std::abort();
    }
  }
  if (thrown) {
    std::rethrow_exception(thrown);
  }
  return std::move(*result);
}

}  // namespace rdev::test
