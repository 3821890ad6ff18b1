#include "client/link/keeper.h"

#include <gmock/gmock.h>

#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

using std::chrono::milliseconds;
using test::FakeConsumer;
using testing::HasSubstr;
using testing::StartsWith;

// A try's handshake is done long before so many others have begun that it would give way, also with
// sanitizers on a slow machine.
constexpr Timing kQuick{.heartbeat = milliseconds(5),
                        .silence = milliseconds(100),
                        .first_pause = milliseconds(20),
                        .dead = milliseconds(5000),
                        .restart = milliseconds(1)};
// As kQuick, but no try takes so long, on a slow machine either, that another one joins it.
constexpr Timing kOneTry{.heartbeat = milliseconds(5),
                         .silence = milliseconds(100),
                         .first_pause = milliseconds(500),
                         .dead = milliseconds(5000)};
// Nothing happens by itself while a test runs.
constexpr Timing kSlow{.heartbeat = milliseconds(60000),
                       .silence = milliseconds(60000),
                       .first_pause = milliseconds(60000)};

struct KeeperTest : test::LinkLab {
  awaitable<void> connect(Timing timing) {
    begin(timing);
    one = &consumer(1);
    one->attach();
    co_await one->until([](const FakeConsumer& c) { return c.attached; });
  }
  // What the link says of itself, as often as it is asked, until `done`.
  awaitable<LinkStatus> status_when(std::function<bool(const LinkStatus&)> done) {
    FakeConsumer& asker = consumer(0);
    for (;;) {
      asker.statuses.clear();
      asker.endpoint.send(wire::Type::kAskStatus, {});
      co_await asker.until([](const FakeConsumer& c) { return !c.statuses.empty(); });
      if (done(asker.statuses.back())) {
        co_return asker.statuses.back();
      }
    }
  }
  static bool is_doubted(const LinkStatus& status) { return status.doubted_unix_ms() != 0; }
  static bool is_good(const LinkStatus& status) { return status.doubted_unix_ms() == 0; }

  FakeConsumer* one = nullptr;
};

CO_TEST_F(KeeperTest, ASilentConnectionStaysUntilAnotherIsWelcomed) {
  co_await connect(kOneTry);
  agent.hanging = 1;
  agent.mute();
  const LinkStatus doubted = co_await status_when(is_doubted);
  EXPECT_EQ(doubted.state(), LinkStatus::UP);
  EXPECT_EQ(doubted.connections(), 1U);
  EXPECT_EQ(doubted.reason(), "");
  EXPECT_THAT(doubted.doubt(), StartsWith("nothing heard for 0."));
  EXPECT_THAT(doubted.doubt(), HasSubstr("; trying another connection"));
  const LinkStatus good = co_await status_when(is_good);
  EXPECT_EQ(good.connections(), 2U);
  EXPECT_EQ(good.state(), LinkStatus::UP);
  EXPECT_EQ(good.endpoint(), "fake:3");
  EXPECT_EQ(agent.hellos.at(0).session_id(), agent.hellos.at(1).session_id());
  EXPECT_GT(agent.hellos.at(0).attempt(), 0U);
  EXPECT_GT(agent.hellos.at(1).attempt(), agent.hellos.at(0).attempt());
}

CO_TEST_F(KeeperTest, DataThatWaitsHalvesThePatience) {
  Timing timing = kQuick;
  timing.silence = milliseconds(1200);  // its half: before the agent's endpoint acknowledges
  co_await connect(timing);
  agent.hanging = 1000;
  agent.mute();
  auto stream = co_await one->open("sink");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(co_await stream->stream->write(asio::buffer("x", 1)));
  co_await status_when(is_doubted);
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, milliseconds(500));
  EXPECT_LT(took, milliseconds(1100));
}

CO_TEST_F(KeeperTest, OneThatIsHeardAgainStays) {
  co_await connect(kOneTry);
  agent.hanging = 1000;
  agent.mute();
  co_await status_when(is_doubted);
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now > 0; });
  agent.unmute();
  const LinkStatus good = co_await status_when(is_good);
  EXPECT_EQ(good.connections(), 1U);
  EXPECT_EQ(good.endpoint(), "fake:1");
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 0; });
}

CO_TEST_F(KeeperTest, AConnectionThatAnswersOutlivesEvents) {
  co_await connect(kSlow);
  for (int i = 0; i < 20; ++i) {
    link->network_changed("an address came");
    EXPECT_TRUE(co_await one->echoes());
  }
  const LinkStatus status = co_await status_when(is_good);
  EXPECT_EQ(status.connections(), 1U);
  EXPECT_EQ(agent.dials, 1);
}

CO_TEST_F(KeeperTest, AnEventBringsAnotherConnectionAtOnce) {
  co_await connect(kSlow);
  agent.mute();
  link->network_changed("an address came");
  const LinkStatus status =
      co_await status_when([](const LinkStatus& s) { return s.connections() == 2; });
  EXPECT_EQ(status.state(), LinkStatus::UP);
  EXPECT_EQ(status.doubt(), "");
}

CO_TEST_F(KeeperTest, AnEventDoesNotWaitForATryThatHangs) {
  agent.hanging = 1;
  begin(kSlow);
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 1; });
  link->network_changed("a route changed");
  co_await status_when([](const LinkStatus& s) { return s.state() == LinkStatus::UP; });
  EXPECT_EQ(agent.dials, 2);
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 0; });
}

CO_TEST_F(KeeperTest, OfTwoThatReachTheAgentTogetherOneIsLeft) {
  agent.hanging = 2;
  begin(kSlow);
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 1; });
  link->network_changed("a route changed");
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 2; });
  agent.release();
  const LinkStatus status =
      co_await status_when([](const LinkStatus& s) { return s.state() == LinkStatus::UP; });
  EXPECT_EQ(status.connections(), 1U);
  EXPECT_EQ(agent.dials, 2);
}

CO_TEST_F(KeeperTest, TriesThatHangAreJoinedByAFewOthers) {
  agent.hanging = 20;
  begin(kQuick);
  co_await agent.until([](const test::FakeAgent& a) { return a.dials > 20; });
  co_await status_when([](const LinkStatus& s) { return s.state() == LinkStatus::UP; });
  EXPECT_GE(agent.most_hanging, 4);
  EXPECT_LE(agent.most_hanging, 5);  // one that gives way ends a moment later
  co_await agent.until([](const test::FakeAgent& a) { return a.hanging_now == 0; });
}

CO_TEST_F(KeeperTest, ATryThatGetsAnswersIsAllThereIs) {
  agent.hanging = 2;
  agent.answers = true;  // before it hangs
  begin({.first_pause = milliseconds(30)});
  const auto began = std::chrono::steady_clock::now();
  co_await agent.until([](const test::FakeAgent& a) { return a.dials == 3; });
  // Both were given the time of an answer, not the shorter one between tries alone.
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(60));
  co_await status_when([](const LinkStatus& s) { return s.state() == LinkStatus::UP; });
}

CO_TEST_F(KeeperTest, TheClusterIsAskedWhileTriesHang) {
  agent.hanging = 1000;
  agent.over = Error{Code::kClosed, "the job train has ended: by itself"};
  begin(kQuick);
  co_await ended();
  EXPECT_EQ(end->message, "the job train has ended: by itself");
}

CO_TEST_F(KeeperTest, TheClusterIsAskedWhateverTheTriesDo) {
  Timing timing = kSlow;
  timing.ask_pause = milliseconds(20);
  timing.first_pause = milliseconds(5);
  timing.refused_pause = milliseconds(60000);  // until the next try
  timing.starter = milliseconds(1);            // nobody comes
  agent.dial_errors = {{Code::kPermission, "another host key"}};
  begin(timing);
  co_await agent.until([](const test::FakeAgent& a) { return a.checks == 4; });
  EXPECT_EQ(agent.dials, 1);
  const auto ended_at = std::chrono::steady_clock::now();
  agent.over = Error{Code::kClosed, "the job train has ended: by itself"};
  co_await ended();
  EXPECT_EQ(end->message, "the job train has ended: by itself");
  EXPECT_LT(std::chrono::steady_clock::now() - ended_at, milliseconds(2000));
  EXPECT_EQ(agent.dials, 1);
}

CO_TEST_F(KeeperTest, TheClusterIsAskedWhileAConnectionIsInDoubt) {
  Timing timing = kQuick;
  timing.ask_pause = milliseconds(5);
  co_await connect(timing);
  const int before = agent.checks;  // it may have taken its time
  agent.hanging = 1000;
  agent.mute();
  co_await agent.until([before](const test::FakeAgent& a) { return a.checks > before + 3; });
  EXPECT_FALSE(one->lost);
  agent.over = Error{Code::kClosed, "the job train has ended: by itself"};
  co_await ended();
}

CO_TEST_F(KeeperTest, TheClusterIsNotAskedWhileTheLinkIsUp) {
  Timing timing = kSlow;
  timing.ask_pause = milliseconds(1);
  co_await connect(timing);
  agent.over = Error{Code::kClosed, "the job train has ended: by itself"};
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(co_await one->echoes());
  }
  EXPECT_EQ(agent.checks, 0);
}

CO_TEST_F(KeeperTest, OneQuestionAtATime) {
  Timing timing = kQuick;
  timing.ask_pause = milliseconds(1);
  agent.hanging = 1000;
  agent.checks_hang = true;
  begin(timing);
  co_await agent.until([](const test::FakeAgent& a) { return a.dials > 20; });
  EXPECT_EQ(agent.checks, 1);
}

// As the engine says it of a container between its stop and its start.
CO_TEST_F(KeeperTest, AJobThatIsStartedAnewIsNotOver) {
  Timing timing = kQuick;
  timing.ask_pause = milliseconds(5);
  co_await connect(timing);
  agent.hanging = 1000;
  agent.overs = {{Code::kClosed, "the job train has ended"}};
  agent.cut();
  co_await agent.until([](const test::FakeAgent& a) { return a.checks > 5; });
  EXPECT_FALSE(end);
  agent.overs = {{Code::kNotFound, "the job train was replaced by another one"}};
  co_await ended();
  EXPECT_EQ(end->code, Code::kNotFound);
}

CO_TEST_F(KeeperTest, TheClusterIsNotAskedWithEachTry) {
  agent.hanging = 20;
  begin(kQuick);
  co_await status_when([](const LinkStatus& s) { return s.state() == LinkStatus::UP; });
  EXPECT_EQ(agent.checks, 1);
}

CO_TEST_F(KeeperTest, ARefusalBesideALivingConnectionEndsNothing) {
  co_await connect(kOneTry);
  agent.dial_errors = {{Code::kPermission, "another host key"}};
  agent.mute();
  co_await status_when(is_doubted);
  co_await agent.until([](const test::FakeAgent& a) { return a.dials == 2; });
  agent.unmute();
  co_await status_when(is_good);
  EXPECT_FALSE(one->lost);
  EXPECT_TRUE(co_await one->echoes());
  EXPECT_EQ(link->status().connections(), 1U);
}

}  // namespace
}  // namespace rdev::link_process
