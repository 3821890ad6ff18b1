#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "protocol/base/asio.h"

// A TEST_F whose body is a coroutine: the fixture's run(awaitable<void>) runs it.
// NOLINTBEGIN(bugprone-macro-parentheses): these are the names of classes
#define CO_TEST_F(fixture, name)                                                   \
  class fixture##_##name : public fixture {                                        \
    rdev::awaitable<void> body();                                                  \
    void TestBody() override { run(body()); }                                      \
  };                                                                               \
  [[maybe_unused]] const testing::TestInfo* const fixture##_##name##_info =        \
      testing::RegisterTest(#fixture, #name, nullptr, nullptr, __FILE__, __LINE__, \
                            []() -> fixture* { return new fixture##_##name; });    \
  rdev::awaitable<void> fixture##_##name::body()
// NOLINTEND(bugprone-macro-parentheses)

namespace rdev::test {

// Runs `task` on `context` until it ends, and returns what it returns or rethrows what it threw;
// one that hangs ends the program. Work that others left on the context stays there.
template <class T>
T run(asio::io_context& context, awaitable<T> task) {
  std::optional<T> result;
  std::exception_ptr thrown;
  bool done = false;
  asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& e, T value) {
    thrown = e;
    if (!e) {
      result.emplace(std::move(value));
    }
    done = true;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  context.restart();
  while (!done) {
    if (context.run_one_until(deadline) > 0) {
      continue;
    }
    if (context.stopped()) {
      throw std::runtime_error("the test's coroutine waits for something that nobody will do");
    }
    // What it refers to is about to go: no test can go on from here.
    std::fputs("the coroutine hangs\n", stderr);
    std::abort();
  }
  if (thrown) {
    std::rethrow_exception(thrown);
  }
  return std::move(*result);
}

inline awaitable<bool> finish(awaitable<void> task) {
  co_await std::move(task);
  co_return true;
}
inline void run(asio::io_context& context, awaitable<void> task) {
  run(context, finish(std::move(task)));
}

}  // namespace rdev::test
