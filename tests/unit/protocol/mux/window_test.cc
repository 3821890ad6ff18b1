// The window of a stream grows to what its line holds, and no further than its budget.
#include <gtest/gtest.h>

#include <utility>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

const Options kGrowing{.windows = {1000, 1000, 1000}, .most_window = 16000};

// Fills the line: what the agent sends before it hears anything of the client.
std::size_t flight(Pair& pair, StreamId id) {
  pair.agent.write(id, Lane::kData, std::string(5'000'000, 'x'));
  Pair::move(pair.agent, pair.client);
  return pair.client.readable(id, Lane::kData);
}

// A round trip of a line that holds more than anybody has: all of it is read at its end.
std::size_t round(Pair& pair, StreamId id) {
  const std::size_t arrived = flight(pair, id);
  Pair::read(pair.client, id, Lane::kData, arrived);
  Pair::move(pair.client, pair.agent);
  return arrived;
}

TEST(MuxWindow, GrowsWhileBytesAreTakenAsTheyCome) {
  Pair pair(kGrowing);
  const StreamId id = pair.opened();
  EXPECT_EQ(round(pair, id), 1000u);
  std::size_t now = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = std::exchange(now, round(pair, id));
    EXPECT_GE(now, before);
  }
  EXPECT_EQ(now, 16000u);
  EXPECT_LE(pair.client.held() + pair.agent.held(), 2u * 16000u);
}

// What the sender keeps is bounded by its own side: the peer's window may be 16 times as large.
TEST(MuxWindow, CreditComesBeforeTheSenderHasNoRoomLeft) {
  Pair pair({.most_window = kMostWindow});
  const StreamId id = pair.opened();
  const std::string block(1U << 20U, 'x');
  std::size_t written = 0;
  for (int i = 0; i < 20; ++i) {
    if (i == 10) {
      pair.client.set_most_window(0);  // the line has become short
    }
    const std::size_t before = written;
    for (std::size_t n = block.size(); n == block.size(); written += n) {
      n = pair.client.write(id, Lane::kData, block);
    }
    Pair::move(pair.client, pair.agent);
    Pair::read(pair.agent, id, Lane::kData, pair.agent.readable(id, Lane::kData));
    Pair::move(pair.agent, pair.client);
    Pair::events(pair.client);
    ASSERT_GT(written, before) << "nothing more comes after " << written;
  }
}

TEST(MuxWindow, AnotherLineLetsWindowsGrow) {
  Pair pair({.windows = {1000, 1000, 1000}});
  const StreamId id = pair.opened();
  EXPECT_EQ(round(pair, id), 1000u);
  EXPECT_EQ(round(pair, id), 1000u);
  pair.client.set_most_window(16000);
  pair.agent.set_most_window(16000);
  for (int i = 0; i < 20; ++i) {
    round(pair, id);
  }
  EXPECT_EQ(round(pair, id), 16000u);
}

TEST(MuxWindow, StaysWhereItIsToldTo) {
  Pair pair({.windows = {1000, 1000, 1000}});
  const StreamId id = pair.opened();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(round(pair, id), 1000u);
  }
}

TEST(MuxWindow, AConsumerThatIsSlowMakesItSmallAgain) {
  Pair pair({.windows = {600'000, 1000, 1000}, .most_window = 4'800'000});
  const StreamId id = pair.opened();
  for (int i = 0; i < 20; ++i) {
    round(pair, id);
  }
  EXPECT_EQ(flight(pair, id), 4'800'000u);
  for (int i = 0; i < 200; ++i) {
    Pair::read(pair.client, id, Lane::kData, 50'000);
    Pair::move(pair.client, pair.agent);
    flight(pair, id);
  }
  EXPECT_LE(pair.client.readable(id, Lane::kData), 600'000u);
}

// As pumps do, who learn that they have to wait only when what they wrote has been sent.
TEST(MuxWindow, GrowsForOneThatWritesNoMoreThanThereIsRoomFor) {
  Pair pair(kGrowing);
  const StreamId id = pair.opened();
  std::size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t room = pair.agent.room(id, Lane::kData);
    most = std::max(most, room);
    pair.agent.write(id, Lane::kData, std::string(room, 'x'));
    Pair::move(pair.agent, pair.client);
    pair.agent.room(id, Lane::kData);
    Pair::move(pair.agent, pair.client);
    Pair::read(pair.client, id);
    Pair::move(pair.client, pair.agent);
  }
  EXPECT_EQ(most, 16000u);
}

TEST(MuxWindow, AShortLineNeedsNoLargeOne) {
  EXPECT_EQ(most_window(0), kMostWindow);
  EXPECT_EQ(most_window(400), 500'000u);
  EXPECT_EQ(most_window(167'000), kMostWindow);
  Pair pair(kGrowing);
  pair.client.set_most_window(2000);
  const StreamId id = pair.opened();
  for (int i = 0; i < 20; ++i) {
    EXPECT_LE(round(pair, id), 2000u);
  }
}

TEST(MuxWindow, OneThatLeavesBytesOnTheWayMakesItSmallAgain) {
  Pair pair(kGrowing);
  const StreamId id = pair.opened();
  for (int i = 0; i < 5; ++i) {
    round(pair, id);
  }
  ASSERT_GT(round(pair, id), 4000u);
  std::size_t arrived = 0;
  for (int i = 0; i < 4; ++i) {
    pair.agent.write(id, Lane::kData, std::string(5'000'000, 'x'));
    Pair::move(pair.agent, pair.client, wire::kBehind);
    arrived = pair.client.readable(id, Lane::kData);
    Pair::read(pair.client, id, Lane::kData, arrived);
    Pair::move(pair.client, pair.agent);
  }
  EXPECT_EQ(arrived, 1000u);
}

TEST(MuxWindow, NobodyIsMadeToKeepMoreThanItWants) {
  Pair pair({.windows = {1000, 1000, 1000}});
  const StreamId id = pair.opened();
  std::string limits;
  wire::append_u64(limits, 0);
  wire::append_u64(limits, ~std::uint64_t{0});
  ASSERT_TRUE(pair.agent.receive(
      {.header = {.size = 16, .type = wire::Type::kCredit, .stream = id}, .payload = limits}));
  EXPECT_EQ(pair.agent.write(id, Lane::kData, std::string(5000, 'x')), 1000u);
}

}  // namespace
}  // namespace rdev::mux
