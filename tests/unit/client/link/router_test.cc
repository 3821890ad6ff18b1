#include "client/link/router.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "client/link/backoff.h"
#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

std::string frame(wire::Type type, std::uint64_t stream, std::size_t size) {
  std::string bytes;
  wire::append_frame(bytes, {.type = type, .stream = stream}, std::string(size, 'x'));
  return bytes;
}

std::uint64_t stream_of(std::uint32_t consumer, std::uint32_t number) {
  return (static_cast<std::uint64_t>(consumer) << 32U) + number;
}

// The types and consumers of frames that are all whole.
std::vector<std::pair<wire::Type, std::uint32_t>> listed(std::string_view bytes) {
  std::vector<std::pair<wire::Type, std::uint32_t>> list;
  while (!bytes.empty()) {
    const auto piece = first_frame(bytes);
    EXPECT_TRUE(piece && *piece);
    list.emplace_back((*piece)->header.type, mux::consumer_of((*piece)->header.stream));
    bytes.remove_prefix((*piece)->bytes.size());
  }
  return list;
}

TEST(FirstFrame, IsWholeOrNothing) {
  const std::string bytes = frame(wire::Type::kData, stream_of(7, 3), 5) + "rest";
  const auto piece = first_frame(bytes);
  ASSERT_TRUE(piece && *piece);
  EXPECT_EQ((*piece)->header.type, wire::Type::kData);
  EXPECT_EQ((*piece)->header.stream, stream_of(7, 3));
  EXPECT_EQ((*piece)->payload(), "xxxxx");
  for (std::size_t n = 0; n < wire::kHeaderBytes + 5; ++n) {
    const auto less = first_frame(std::string_view(bytes).substr(0, n));
    EXPECT_TRUE(less && !*less) << n;
  }
}

TEST(FirstFrame, IsNotTooLong) {
  std::string bytes = frame(wire::Type::kData, 1, 0);
  bytes[1] = 1;  // 64 KiB
  const auto piece = first_frame(bytes);
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().code, Code::kProtocol);
}

TEST(FramesWithin, AreAtLeastOne) {
  const std::string one = frame(wire::Type::kData, 1, 100);
  const std::string three = one + one + one;
  EXPECT_EQ(frames_within(three, 0).size(), one.size());
  EXPECT_EQ(frames_within(three, 2 * one.size()).size(), 2 * one.size());
  EXPECT_EQ(frames_within(three, 3 * one.size() - 1).size(), 2 * one.size());
  EXPECT_EQ(frames_within(three, 1000).size(), three.size());
}

TEST(MarkData, MarksDataOnly) {
  std::string bytes = frame(wire::Type::kData, 1, 10) + frame(wire::Type::kCredit, 1, 16) +
                      frame(wire::Type::kData, 2, 0);
  mark_data(bytes, first_frame(bytes).value()->bytes.size(), wire::kBehind);
  std::vector<int> flags;
  for (std::string_view rest = bytes; !rest.empty();) {
    const auto piece = first_frame(rest).value();
    flags.push_back(piece->header.flags);
    rest.remove_prefix(piece->bytes.size());
  }
  EXPECT_EQ(flags, (std::vector<int>{0, 0, wire::kBehind}));
}

TEST(Backoff, DoublesWithinBoundsAndStartsAgain) {
  using std::chrono::milliseconds;
  Backoff backoff(milliseconds(250), milliseconds(10000));
  for (const int expected : {250, 500, 1000, 2000, 4000, 8000, 10000, 10000}) {
    EXPECT_EQ(backoff.next(0.5), milliseconds(expected));
  }
  EXPECT_EQ(backoff.next(0), milliseconds(8000));
  EXPECT_EQ(backoff.next(1), milliseconds(12000));
  backoff.reset();
  EXPECT_EQ(backoff.next(0.5), milliseconds(250));
}

// Consumers that are read by hand: the router alone is looked at.
struct RouterTest : testing::Test, Consumer::Owner {
  struct Peer {
    std::shared_ptr<Consumer> consumer;
    base::Fd far;
  };

  ~RouterTest() override {
    for (Peer& peer : peers) {
      peer.consumer->close();
    }
    context.restart();
    context.run();
  }

  Peer& add(std::uint32_t number) {
    auto [near, far] = test::socket_pair();
    Consumer::Owner& owner = *this;
    auto consumer = std::make_shared<Consumer>(context.get_executor(), std::move(near), owner);
    consumer->number = number;
    consumer->state = Consumer::State::kAttached;
    EXPECT_TRUE(router.add(consumer));
    tasks.spawn("read", Consumer::read(consumer));
    peers.push_back({.consumer = std::move(consumer), .far = std::move(far)});
    return peers.back();
  }
  // What the process writes, and the link has read.
  void sends(Peer& peer, const std::string& bytes) {
    ASSERT_EQ(::send(peer.far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    context.restart();
    context.poll();
  }

  void on_control(Consumer&, const Piece&) override {}
  void on_frames(Consumer& consumer) override { router.ready(consumer); }
  std::size_t most_waiting() const override { return router.portion(); }
  void on_gone(Consumer& consumer) override { router.remove(consumer); }

  asio::io_context context;
  Router router{context.get_executor()};
  base::TaskGroup tasks{context.get_executor()};
  std::deque<Peer> peers;
};

TEST_F(RouterTest, WhoSendsLittleWaitsForNobody) {
  Peer& one = add(1);
  Peer& two = add(2);
  const std::string bulk = frame(wire::Type::kData, stream_of(1, 0), 20000);
  const std::string key = frame(wire::Type::kData, stream_of(2, 0), 1);
  sends(one, bulk + bulk + bulk);
  sends(two, key);
  std::vector<std::uint32_t> order;
  for (const auto& [type, consumer] : listed(router.next())) {
    order.push_back(consumer);
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 2, 1, 1}));
  router.done({});
  EXPECT_TRUE(router.next().empty());
}

TEST_F(RouterTest, GivesOutLessWhereThatTakesLong) {
  using std::chrono::milliseconds;
  Peer& one = add(1);
  std::string bytes;
  for (int i = 0; i < 10; ++i) {
    bytes += frame(wire::Type::kData, stream_of(1, 0), 1000);
  }
  sends(one, bytes);
  const std::size_t most = router.portion();
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(router.next().empty());
    router.done(milliseconds(5));
    sends(one, bytes);
  }
  EXPECT_LE(router.portion(), most / 8);
  EXPECT_LE(router.next().size(), router.portion());
  router.done(milliseconds(0));
}

TEST_F(RouterTest, GivesOutABoundedBatch) {
  Peer& one = add(1);
  std::string bytes;
  for (int i = 0; i < 6; ++i) {
    bytes += frame(wire::Type::kData, stream_of(1, 0), 20000);
  }
  sends(one, bytes);
  std::size_t total = 0;
  for (std::string_view batch = router.next(); !batch.empty(); batch = router.next()) {
    EXPECT_LE(batch.size(), 4 * wire::kMaxFrameBytes);
    total += batch.size();
    router.done({});
    context.restart();
    context.poll();
  }
  EXPECT_EQ(total, bytes.size());
}

TEST_F(RouterTest, ItsOwnFramesGoFirst) {
  Peer& one = add(1);
  sends(one, frame(wire::Type::kData, stream_of(1, 0), 10));
  router.send({.type = wire::Type::kHeartbeat}, "beat");
  const auto list = listed(router.next());
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].first, wire::Type::kHeartbeat);
}

TEST_F(RouterTest, NothingOfAConsumerFollowsItsDetach) {
  Peer& one = add(1);
  sends(one, frame(wire::Type::kOpen, stream_of(1, 0), 40));
  one.consumer->close();
  const auto list = listed(router.next());
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].first, wire::Type::kDetach);
  EXPECT_EQ(list[0].second, 1U);
}

TEST_F(RouterTest, DeliversToEachItsOwnAndStopsAtAForeignFrame) {
  Peer& one = add(1);
  Peer& two = add(2);
  const std::string first = frame(wire::Type::kData, stream_of(1, 0), 30000);
  const std::string second = frame(wire::Type::kData, stream_of(2, 9), 7);
  const std::string beat = frame(wire::Type::kHeartbeat, 0, 3);
  const auto passed = router.deliver(first + second + first + beat + second);
  ASSERT_TRUE(passed);
  EXPECT_EQ(*passed, 2 * first.size() + second.size());
  std::string got(100000, '\0');
  EXPECT_EQ(::recv(one.far.get(), got.data(), got.size(), 0),
            static_cast<ssize_t>(2 * first.size()));
  EXPECT_EQ(::recv(two.far.get(), got.data(), got.size(), 0), static_cast<ssize_t>(second.size()));
  EXPECT_EQ(got.substr(0, second.size()), second);
}

TEST_F(RouterTest, LeavesTheBeginningOfAFrame) {
  Peer& one = add(1);
  const std::string whole = frame(wire::Type::kData, stream_of(1, 0), 50);
  const auto passed = router.deliver(whole + whole.substr(0, 40));
  ASSERT_TRUE(passed);
  EXPECT_EQ(*passed, whole.size());
  std::string got(1000, '\0');
  EXPECT_EQ(::recv(one.far.get(), got.data(), got.size(), 0), static_cast<ssize_t>(whole.size()));
}

TEST_F(RouterTest, WhatTheAgentSendsToNobodyIsPassedOver) {
  ASSERT_TRUE(router.deliver(frame(wire::Type::kOpen, stream_of(7, 0), 4)));
  EXPECT_EQ(router.next(), "");
}

// What was said into a connection that was dead already is lost.
TEST_F(RouterTest, TheAgentHearsOfWhoIsGoneWithEachConnection) {
  using List = std::vector<std::pair<wire::Type, std::uint32_t>>;
  Peer& one = add(1);
  router.detach_gone({1});
  EXPECT_EQ(router.next(), "");
  one.consumer->close();
  EXPECT_EQ(listed(router.next()), List({{wire::Type::kDetach, 1U}}));
  router.reset();
  router.detach_gone({1, 2});
  EXPECT_EQ(listed(router.next()), List({{wire::Type::kDetach, 1U}, {wire::Type::kDetach, 2U}}));
}

TEST_F(RouterTest, WhoWasThereBeforeTheFirstConnectionMayComeYet) {
  using List = std::vector<std::pair<wire::Type, std::uint32_t>>;
  router.detach_gone({1, 2});
  EXPECT_TRUE(router.awaits_strangers());
  add(1);
  router.detach_gone({1, 2});
  EXPECT_EQ(router.next(), "");
  router.detach_strangers();
  EXPECT_EQ(listed(router.next()), List({{wire::Type::kDetach, 2U}}));
  router.detach_gone({1, 2});
  EXPECT_EQ(listed(router.next()), List({{wire::Type::kDetach, 2U}}));
}

TEST_F(RouterTest, CountsStreams) {
  Peer& one = add(1);
  sends(one, frame(wire::Type::kOpen, stream_of(1, 0), 40) +
                 frame(wire::Type::kOpen, stream_of(1, 1), 40));
  EXPECT_FALSE(router.next().empty());
  router.done({});
  EXPECT_EQ(router.streams(), 2U);
  ASSERT_TRUE(router.deliver(frame(wire::Type::kRefuse, stream_of(1, 0), 4)));
  EXPECT_EQ(router.streams(), 1U);
  std::string end;
  wire::append_frame(end,
                     {.type = wire::Type::kData,
                      .lane = static_cast<std::uint8_t>(mux::Lane::kControl),
                      .flags = wire::kFin,
                      .stream = stream_of(1, 1)},
                     std::string(8, '\0'));
  ASSERT_TRUE(router.deliver(end));
  EXPECT_EQ(router.streams(), 0U);
}

TEST_F(RouterTest, ANumberIsOneConsumers) {
  add(1);
  auto [near, far] = test::socket_pair();
  Consumer::Owner& owner = *this;
  const auto second = std::make_shared<Consumer>(context.get_executor(), std::move(near), owner);
  EXPECT_FALSE(router.add(second));  // 0
  second->number = 1;
  EXPECT_FALSE(router.add(second));
  second->close();
  EXPECT_TRUE(router.next().empty());  // the first one stays attached
}

}  // namespace
}  // namespace rdev::link_process
