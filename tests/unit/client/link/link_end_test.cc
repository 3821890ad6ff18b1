// A link process whose job is over, and whoever has started it.
#include <gtest/gtest.h>

#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

struct LinkEnd : test::LinkLab {};

TEST_F(LinkEnd, WhoHasStartedItHearsThatTheJobIsOver) {
  begin();
  run([](LinkEnd& t) -> awaitable<void> {
    t.link->end({Code::kClosed, "the job is over"});
    for (int i = 0; i < 100; ++i) {
      co_await asio::post(t.executor, asio::use_awaitable);
    }
    EXPECT_FALSE(t.end);
    test::FakeConsumer& one = t.consumer(1);
    one.attach();
    co_await one.until([](const test::FakeConsumer& c) { return c.lost.has_value(); });
    EXPECT_TRUE(one.lost->final());
    EXPECT_EQ(one.lost->reason(), "the job is over");
    co_await t.ended();
  }(*this));
}

TEST_F(LinkEnd, WhoeverHasStartedItMayHaveGone) {
  begin({.starter = std::chrono::milliseconds(1)});
  run([](LinkEnd& t) -> awaitable<void> {
    t.link->end({Code::kClosed, "the job is over"});
    co_await t.ended();
  }(*this));
}

TEST_F(LinkEnd, AskedToMakeRoomItWaitsForNobody) {
  begin({.starter = std::chrono::minutes(10)});
  run([](LinkEnd& t) -> awaitable<void> {
    t.link->end({Code::kClosed, "the job is over"});
    co_await asio::post(t.executor, asio::use_awaitable);
    t.link->hand_over();
    co_await t.ended();
  }(*this));
}

}  // namespace
}  // namespace rdev::link_process
