#include "protocol/base/all_of.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>

#include "protocol/base/notify.h"
#include "tests/unit/run.h"

namespace rdev::base {
namespace {

// Good once all of `count` have begun; what it counts in the end, its destructor has counted.
awaitable<Result<void>> meet(Notify& changed, int& begun, int count) {
  ++begun;
  changed.notify();
  while (begun < count) {
    co_await changed.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> hang(bool& ended) {
  struct Mark {
    bool& ended;
    ~Mark() { ended = true; }
  } mark{ended};
  Notify never(co_await asio::this_coro::executor);
  for (;;) {
    co_await never.wait();
  }
}

awaitable<Result<void>> broken() { co_return fail(Code::kLimit, "broken"); }

TEST(AllOf, RunsThemAtOnce) {
  asio::io_context loop;
  Notify changed(loop.get_executor());
  int begun = 0;
  std::vector<awaitable<Result<void>>> works;
  works.reserve(3);
  for (int i = 0; i < 3; ++i) {
    works.push_back(meet(changed, begun, 3));
  }
  EXPECT_TRUE(test::run(loop, all_of(std::move(works))));
}

TEST(AllOf, EndsWithTheFirstThatFails) {
  asio::io_context loop;
  bool first = false, last = false;
  std::vector<awaitable<Result<void>>> works;
  works.push_back(hang(first));
  works.push_back(broken());
  works.push_back(hang(last));
  const auto result = test::run(loop, all_of(std::move(works)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "broken");
  EXPECT_TRUE(first && last);
}

TEST(AllOf, OfNothingIsGood) {
  asio::io_context loop;
  EXPECT_TRUE(test::run(loop, all_of({})));
}

}  // namespace
}  // namespace rdev::base
