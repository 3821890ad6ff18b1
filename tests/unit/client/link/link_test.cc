#include "client/link/link.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

using std::chrono::milliseconds;
using test::FakeConsumer;
using testing::HasSubstr;

bool is_attached(const FakeConsumer& consumer) { return consumer.attached > 0; }
bool is_paused(const FakeConsumer& consumer) { return !consumer.pauses.empty(); }
bool is_lost(const FakeConsumer& consumer) { return consumer.lost.has_value(); }
bool has_ended(const FakeConsumer& consumer) { return consumer.ended.has_value(); }

constexpr Timing kQuick{.heartbeat = milliseconds(5),
                        .silence = milliseconds(200),
                        .first_pause = milliseconds(20),
                        .longest_pause = milliseconds(40),
                        .refused_pause = milliseconds(40),
                        .dead = milliseconds(300),
                        .strangers = milliseconds(20)};

awaitable<void> note(awaitable<void> room, bool& is_there) {
  co_await std::move(room);
  is_there = true;
}

struct LinkTest : test::LinkLab {
  awaitable<void> attach(FakeConsumer& consumer) {
    consumer.attach();
    co_await consumer.until(is_attached);
  }
};

TEST_F(LinkTest, JoinsTwoConsumersToTheAgent) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    FakeConsumer& two = t.consumer(2);
    co_await t.attach(one);
    co_await t.attach(two);
    EXPECT_TRUE(co_await one.echoes());
    EXPECT_TRUE(co_await two.echoes());
    EXPECT_EQ(t.agent.dials, 1);
    EXPECT_EQ(t.agent.hellos.at(0).job_name(), "train");
  }(*this));
}

TEST_F(LinkTest, AStoppedConsumerHoldsUpNobodyAndIsCutOffInTheEnd) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& reader = t.consumer(1);
    co_await t.attach(reader);
    const base::Fd stopped = t.bare_consumer();
    std::string frames;
    Attach attach;
    attach.set_consumer(2);
    attach.set_protocol(kAttachProtocol);
    wire::append_frame(frames, {.type = wire::Type::kAttach}, attach.SerializeAsString());
    for (std::uint64_t i = 0; i < 64; ++i) {
      std::string open;
      for (const std::uint64_t number : {0ULL, 1ULL << 40U, 1ULL << 40U, 1ULL << 40U}) {
        wire::append_u64(open, number);
      }
      wire::append_frame(frames, {.type = wire::Type::kOpen, .stream = (2ULL << 32U) + i}, open,
                         "flood");
    }
    EXPECT_EQ(::send(stopped.get(), frames.data(), frames.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frames.size()));
    while (t.link->status().consumers() < 2) {
      EXPECT_TRUE(co_await reader.echoes());
    }
    // 64 times 2 MiB are more than the link keeps for it.
    while (t.link->status().consumers() == 2) {
      EXPECT_TRUE(co_await reader.echoes());
    }
    EXPECT_TRUE(co_await reader.echoes());
  }(*this));
}

TEST_F(LinkTest, AForeignPrefixIsCutOff) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& good = t.consumer(1);
    co_await t.attach(good);
    FakeConsumer& other = t.consumer(2);
    co_await t.attach(other);
    // As a consumer would that sets another's number: its own endpoint cannot.
    const base::Fd forger = t.bare_consumer();
    std::string frames;
    Attach attach;
    attach.set_consumer(3);
    attach.set_protocol(kAttachProtocol);
    wire::append_frame(frames, {.type = wire::Type::kAttach}, attach.SerializeAsString());
    wire::append_frame(frames, {.type = wire::Type::kReset, .stream = 1ULL << 32U}, "\0\0\0\0no");
    EXPECT_EQ(::send(forger.get(), frames.data(), frames.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frames.size()));
    std::string said(4096, '\0');
    ssize_t n = -1;
    while ((n = ::recv(forger.get(), said.data(), said.size(), MSG_DONTWAIT)) != 0) {
      EXPECT_TRUE(n > 0 || errno == EAGAIN || errno == ECONNRESET);
      EXPECT_TRUE(co_await good.echoes());
    }
    EXPECT_EQ(t.link->status().consumers(), 2U);
    EXPECT_TRUE(co_await other.echoes());
  }(*this));
}

TEST_F(LinkTest, AConsumerThatGoesEndsItsStreamsAtTheAgent) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& stays = t.consumer(1);
    FakeConsumer& goes = t.consumer(2);
    co_await t.attach(stays);
    co_await t.attach(goes);
    auto mine = co_await stays.open("echo");
    auto yours = co_await goes.open("echo");
    EXPECT_EQ(t.agent.streams(), 2U);
    EXPECT_EQ(t.link->status().streams(), 2U);
    goes.hang_up();
    while (t.agent.streams() > 1) {
      EXPECT_TRUE(co_await FakeConsumer::echoes(*mine));
    }
    EXPECT_EQ(t.link->status().consumers(), 1U);
  }(*this));
}

TEST_F(LinkTest, StreamsGoOnOverAnotherConnection) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    auto stream = co_await one.open("echo");
    const std::string before = t.link->status().endpoint();
    t.agent.cut();
    co_await one.until(is_paused);
    EXPECT_THAT(one.pauses[0], HasSubstr("the connection to the agent of train is gone"));
    EXPECT_TRUE(co_await FakeConsumer::echoes(*stream));
    EXPECT_EQ(one.attached, 2);
    EXPECT_EQ(t.link->status().connections(), 2U);
    EXPECT_NE(t.link->status().endpoint(), before);
    EXPECT_EQ(t.link->status().streams(), 1U);
  }(*this));
}

TEST_F(LinkTest, AnotherAgentDoesNotKnowTheStreams) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    auto stream = co_await one.open("echo");
    t.agent.forget();
    co_await one.until(has_ended);
    EXPECT_EQ(one.ended->code, Code::kNotFound);
    FakeConsumer& two = t.consumer(2);
    co_await t.attach(two);
    EXPECT_TRUE(co_await two.echoes());
  }(*this));
}

TEST_F(LinkTest, AProcessThatGoesWhileThereIsNoConnectionEndsItsStreamsLater) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& stays = t.consumer(1);
    FakeConsumer& goes = t.consumer(2);
    co_await t.attach(stays);
    co_await t.attach(goes);
    auto mine = co_await stays.open("echo");
    auto yours = co_await goes.open("echo");
    t.agent.dial_errors.assign(3, {Code::kUnavailable, "refused"});
    t.agent.cut();
    co_await goes.until(is_paused);
    goes.hang_up();
    while (t.agent.streams() > 1) {
      EXPECT_TRUE(co_await FakeConsumer::echoes(*mine));
    }
  }(*this));
}

TEST_F(LinkTest, StreamsOfProcessesThatNeverComeEnd) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    FakeConsumer& two = t.consumer(2);
    co_await t.attach(one);
    co_await t.attach(two);
    auto mine = co_await one.open("echo");
    auto yours = co_await two.open("echo");
    t.link->hand_over();
    co_await one.until(has_ended);
    EXPECT_FALSE(one.lost);
    EXPECT_EQ(t.agent.streams(), 2U);
    co_await t.ended();
    t.end.reset();
    t.begin(kQuick);  // another link process, to which nobody comes
    while (t.agent.streams() > 0) {
      co_await asio::post(t.executor, asio::use_awaitable);
    }
  }(*this));
}

TEST_F(LinkTest, WhoeverIsTakenOverTellsItAndEnds) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    t.agent.take_over();
    co_await one.until(is_lost);
    EXPECT_FALSE(one.lost->final());
    EXPECT_THAT(one.lost->reason(), HasSubstr("goes on over another connection"));
    co_await t.ended();
  }(*this));
}

TEST_F(LinkTest, TheEndOfTheJobIsTheReasonThatIsTold) {
  begin({.first_pause = milliseconds(10), .restart = milliseconds(1)});
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    t.agent.dial_errors.assign(100000, {Code::kUnavailable, "refused"});
    t.agent.over = Error{Code::kClosed, "the job train has ended: by itself"};
    t.agent.cut();
    co_await one.until(is_lost);
    EXPECT_TRUE(one.lost->final());
    EXPECT_EQ(one.lost->reason(), "the job train has ended: by itself");
    co_await one.until(has_ended);
    co_await t.ended();
    EXPECT_EQ(t.end->code, Code::kClosed);
  }(*this));
}

TEST_F(LinkTest, WhoWaitsIsToldWhy) {
  agent.dial_errors = {{Code::kUnavailable, "connection refused"},
                       {Code::kUnavailable, "connection refused"}};
  begin({.first_pause = milliseconds(20)});
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    one.attach();
    co_await one.until(is_attached);
    std::string told;
    for (const LinkStatus& status : one.statuses) {
      told += status.reason() + "\n";
    }
    EXPECT_THAT(told, HasSubstr("connection refused; again in 0.0"));
    EXPECT_EQ(t.agent.dials, 3);
    EXPECT_EQ(t.agent.checks, 1);
    EXPECT_TRUE(co_await one.echoes());
  }(*this));
}

TEST_F(LinkTest, WhoeverTheAgentRefusesDoesNotWait) {
  agent.dial_errors = {{Code::kPermission, "another host key"}};
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    one.attach();
    co_await one.until(is_lost);
    EXPECT_FALSE(one.lost->final());
    EXPECT_THAT(one.lost->reason(), HasSubstr("another host key"));
  }(*this));
}

TEST_F(LinkTest, AGoodbyeIsARefusal) {
  agent.goodbye = "this agent is of another job";
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    one.attach();
    co_await one.until(is_lost);
    EXPECT_THAT(one.lost->reason(), HasSubstr("this agent is of another job"));
  }(*this));
}

TEST_F(LinkTest, SilenceIsDeathInTheEnd) {
  agent.silent = true;
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    t.agent.hanging = 1000;
    co_await one.until(is_paused);
    EXPECT_THAT(one.pauses[0], HasSubstr("the agent has not been heard of for 0.3 s"));
  }(*this));
}

TEST_F(LinkTest, StatusHasRoundTripAndVitals) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    while (!t.link->status().has_vitals()) {
      EXPECT_TRUE(co_await one.echoes());
    }
    one.statuses.clear();
    one.endpoint.send(wire::Type::kAskStatus, {});
    co_await one.until([](const FakeConsumer& c) { return !c.statuses.empty(); });
    const LinkStatus& status = one.statuses.back();
    EXPECT_EQ(status.state(), LinkStatus::UP);
    EXPECT_EQ(status.vitals().uptime_s(), 17U);
    EXPECT_TRUE(status.has_rtt_us());
    EXPECT_EQ(status.consumers(), 1U);
    EXPECT_GT(status.bytes_in(), 4U);
    EXPECT_GT(status.bytes_out(), 4U);
  }(*this));
}

// The connection may be older than the line is long: after that many round trips of before, the
// windows of a stream would not fill it.
TEST_F(LinkTest, WhoComesLaterIsToldTheRoundTripOfNow) {
  begin(kQuick);
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    EXPECT_LT(one.rtt_us, 1000000U);
    t.agent.farther = std::chrono::seconds(1);
    while (t.link->status().rtt_us() < 1000000U) {
      EXPECT_TRUE(co_await one.echoes());
    }
    FakeConsumer& two = t.consumer(2);
    co_await t.attach(two);
    EXPECT_GE(two.rtt_us, 1000000U);
  }(*this));
}

TEST_F(LinkTest, AnotherProtocolIsRefusedByTheProgramsName) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& other = t.consumer(1);
    other.attach(99);
    co_await other.until(is_lost);
    EXPECT_THAT(other.lost->reason(), HasSubstr("rdev " RDEV_VERSION));
    EXPECT_THAT(other.lost->reason(), HasSubstr("rdev 99.0"));
    EXPECT_EQ(other.statuses.at(0).consumers(), 0U);
  }(*this));
}

TEST_F(LinkTest, ATakenNumberIsRefused) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    FakeConsumer& again = t.consumer(1);
    again.attach();
    co_await again.until(is_lost);
    co_await again.until(has_ended);
    EXPECT_TRUE(co_await one.echoes());
    FakeConsumer& none = t.consumer(0);
    none.attach();
    co_await none.until(is_lost);
  }(*this));
}

TEST_F(LinkTest, StopEndsIt) {
  begin();
  run([](LinkTest& t) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    FakeConsumer& two = t.consumer(2);
    two.endpoint.send(wire::Type::kStop, {});
    co_await one.until(is_lost);
    EXPECT_FALSE(one.lost->final());
    co_await t.ended();
    EXPECT_EQ(t.end->code, Code::kCancelled);
  }(*this));
}

// It would be dropped, at each of its attempts.
TEST_F(LinkTest, WhoConnectsAfterTheFarewellIsLeftToTheNextLinkProcess) {
  begin();
  base::TaskGroup rooms(executor);
  bool before = false, after = false;
  run([](LinkTest& t, base::TaskGroup& rooms, bool& before, bool& after) -> awaitable<void> {
    FakeConsumer& one = t.consumer(1);
    co_await t.attach(one);
    rooms.spawn("room", note(t.link->room(), before));
    t.link->end({Code::kClosed, "the job is over"});
    co_await one.until(has_ended);
    co_await t.ended();
    rooms.spawn("room", note(t.link->room(), after));
    co_await asio::post(t.executor, asio::use_awaitable);
    rooms.cancel();
    co_await rooms.wait();
  }(*this, rooms, before, after));
  EXPECT_TRUE(before);
  EXPECT_FALSE(after);
}

}  // namespace
}  // namespace rdev::link_process
