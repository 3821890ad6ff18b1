#pragma once

#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

#include "protocol/base/asio.h"

namespace rdev::test {

// Runs `task` on `context` until it ends and rethrows what it threw. Work that others left on the
// context stays there.
inline void run(asio::io_context& context, awaitable<void> task) {
  bool done = false;
  std::exception_ptr thrown;
  asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& e) {
    thrown = e;
    done = true;
  });
  context.restart();
  while (!done && context.run_one() > 0) {
  }
  if (thrown) {
    std::rethrow_exception(thrown);
  }
  if (!done) {
    throw std::runtime_error("the test's coroutine waits for something that nobody will do");
  }
}

}  // namespace rdev::test
