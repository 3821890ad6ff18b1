#include "protocol/mux/fair_turns.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

struct Sender : FairShare {
  explicit Sender(std::size_t piece) : piece(piece) {}
  std::size_t piece;
  std::size_t sent = 0;
};

struct FairTurnsTest : testing::Test {
  ~FairTurnsTest() override {
    for (Sender* sender : {&one, &two, &small}) {
      turns.set(*sender, false);
    }
  }
  Sender& step() {
    Sender& next = turns.next();
    next.sent += next.piece;
    turns.took(next, next.piece);
    return next;
  }
  FairTurns<Sender> turns;
  Sender one{32768}, two{9000}, small{50};
};

TEST_F(FairTurnsTest, ThoseWhoWantMuchShareByBytes) {
  turns.set(one, true);
  turns.set(two, true);
  for (int i = 0; i < 1000; ++i) {
    step();
  }
  EXPECT_NEAR(static_cast<double>(one.sent) / static_cast<double>(two.sent), 1, 0.05);
}

TEST_F(FairTurnsTest, WhoWantedNothingGoesFirst) {
  turns.set(one, true);
  turns.set(two, true);
  for (int i = 0; i < 100; ++i) {
    for (int other = 0; other < 4; ++other) {
      step();
    }
    turns.set(small, true);
    EXPECT_EQ(&step(), &small) << i;
    turns.set(small, false);
  }
}

// Else whoever writes in small pieces would keep all others waiting.
TEST_F(FairTurnsTest, WhoWantsAgainAndAgainIsNotFirstForEver) {
  turns.set(one, true);
  for (int i = 0; i < 10'000; ++i) {
    turns.set(small, true);
    if (&step() == &small) {
      turns.set(small, false);
    }
  }
  EXPECT_GT(one.sent, small.sent);
}

TEST_F(FairTurnsTest, NobodyIsLeftWhenNobodyWants) {
  EXPECT_TRUE(turns.empty());
  turns.set(one, true);
  turns.set(small, true);
  step();
  turns.set(small, false);
  turns.set(one, false);
  EXPECT_TRUE(turns.empty());
}

// Whose the next frame is.
StreamId next_sender(Mux& mux) {
  std::string frame;
  mux.produce(frame, wire::kMaxFrameBytes);
  std::string_view id = std::string_view(frame).substr(8);
  return wire::take_u64(id).value();
}

TEST(MuxTurns, AKeystrokeGoesAheadOfDownloads) {
  const auto enough = std::make_shared<Memory>(std::size_t{1} << 30U);
  Pair pair({.windows = {4U << 20U, 1000, 1000}, .memory = enough});
  const StreamId keys = pair.opened();
  const StreamId downloads[] = {pair.opened(), pair.opened(), pair.opened(), pair.opened()};
  for (const StreamId id : downloads) {
    pair.agent.write(id, Lane::kData, std::string(4U << 20U, 'x'));
  }
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 12; ++j) {
      next_sender(pair.agent);
    }
    pair.agent.write(keys, Lane::kData, "k");
    EXPECT_EQ(next_sender(pair.agent), keys);
  }
  std::map<StreamId, int> frames;
  for (int i = 0; i < 200; ++i) {
    ++frames[next_sender(pair.agent)];
  }
  for (const StreamId id : downloads) {
    EXPECT_NEAR(frames[id], 50, 2);
  }
}

}  // namespace
}  // namespace rdev::mux
