#include "protocol/base/task_group.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

#include "protocol/base/notify.h"
#include "protocol/base/with_timeout.h"
#include "tests/unit/run.h"

namespace rdev::base {
namespace {

using namespace std::chrono_literals;

awaitable<void> wait_for_ever(bool& ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  struct AtEnd {
    bool& flag;
    ~AtEnd() { flag = true; }
  } at_end{ended};
  co_await timer.async_wait(asio::use_awaitable);
}
awaitable<void> throws() {
  throw std::runtime_error("on purpose");
  co_return;
}
awaitable<Result<void>> fails() { co_return fail(Code::kFailed, "on purpose"); }

TEST(TaskGroup, CancelEndsEveryTaskAlsoOnesThatFail) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  bool ended[2] = {};
  group.spawn("first", wait_for_ever(ended[0]));
  group.spawn("second", wait_for_ever(ended[1]));
  group.spawn("throws", throws());
  group.spawn("fails", fails());
  context.poll();
  EXPECT_EQ(group.size(), 2u);
  group.cancel();
  group.spawn("late", throws());
  test::run(context, group.wait());
  EXPECT_TRUE(ended[0] && ended[1]);
  EXPECT_EQ(group.size(), 0u);
}

awaitable<void> wait_for(Notify& notify, bool& woken) {
  co_await notify.wait();
  woken = true;
}

// The cancellation is posted (we are outside of the context) and the task ends before it runs.
TEST(TaskGroup, ATaskMayEndBeforeItsCancellationArrives) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  Notify notify(context.get_executor());
  bool woken = false;
  group.spawn("ends", wait_for(notify, woken));
  context.poll();
  notify.notify();
  group.cancel();
  context.restart();
  context.run();
  EXPECT_TRUE(woken);
}

awaitable<Result<int>> after(std::chrono::milliseconds delay, bool& ended) {
  struct AtEnd {
    bool& flag;
    ~AtEnd() { flag = true; }
  } at_end{ended};
  asio::steady_timer timer(co_await asio::this_coro::executor, delay);
  co_await timer.async_wait(use_tuple);
  co_return 7;
}
awaitable<Result<int>> throws_int() {
  throw std::runtime_error("on purpose");
  co_return 0;
}

awaitable<void> three_timeouts() {
  bool ended = false;
  const auto in_time = co_await with_timeout(after(0ms, ended), 10s, "the quick one");
  EXPECT_EQ(in_time.value(), 7);
  ended = false;
  const auto late = co_await with_timeout(after(10min, ended), 10ms, "the slow one");
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_EQ(late.error().message, "the slow one took longer than 0.0 s");
  EXPECT_TRUE(ended);
  bool caught = false;
  try {
    static_cast<void>(co_await with_timeout(throws_int(), 10s, "the bad one"));
  } catch (const std::runtime_error&) {
    caught = true;
  }
  EXPECT_TRUE(caught);
}
TEST(WithTimeout, ValueTimeoutAndException) {
  asio::io_context context;
  test::run(context, three_timeouts());
}

awaitable<void> outer(bool& inner_ended) {
  static_cast<void>(co_await with_timeout(after(10min, inner_ended), 10min, "x"));
}
TEST(WithTimeout, CancelledFromOutsideEndsItsWork) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  bool ended = false;
  group.spawn("outer", outer(ended));
  context.poll();
  group.cancel();
  test::run(context, group.wait());
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace rdev::base
