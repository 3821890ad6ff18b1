#include "protocol/link/flow.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <limits>
#include <vector>

#include "protocol/base/task_group.h"
#include "protocol/link/endpoint.h"
#include "protocol/stream/socket_stream.h"
#include "tests/unit/run.h"

namespace rdev::link {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

struct FlowTest : testing::Test {
  void run(awaitable<void> task) { test::run(context, std::move(task)); }

  // Sends `bytes` every 5 ms, of which each mark is answered: it came `delay` later than the one
  // before, by a clock that is an hour behind.
  awaitable<void> send(int times, std::size_t bytes, std::chrono::microseconds delay) {
    asio::steady_timer timer(context);
    for (int i = 0; i < times; ++i) {
      if (const auto mark = flow.mark()) {
        std::string_view payload = *mark;
        std::string answer = *mark;
        wire::append_u64(answer, *wire::take_u64(payload) - 3600'000'000U +
                                     static_cast<std::uint64_t>((late += delay).count()));
        EXPECT_TRUE(flow.arrived(answer));
      }
      flow.sent(bytes);
      timer.expires_after(milliseconds(5));
      (void)co_await timer.async_wait(use_tuple);
    }
  }
  awaitable<void> turn() { return flow.turn(); }

  // Sends bursts of `bytes` over a line of 40 ms on which nothing waits.
  awaitable<void> send_bursts(int times, std::size_t bytes) {
    base::TaskGroup answers(context.get_executor());
    for (int i = 0; i < times; ++i) {
      co_await flow.turn();
      if (const auto mark = flow.mark()) {
        answers.spawn("answer", answer(*mark));
      }
      flow.sent(bytes);
    }
    co_await answers.wait();
  }
  awaitable<void> answer(std::string mark) {
    asio::steady_timer timer(context, milliseconds(40));
    co_await timer.async_wait(asio::use_awaitable);
    std::string_view payload = mark;
    wire::append_u64(mark, *wire::take_u64(payload) - 3600'000'000U);
    EXPECT_TRUE(flow.arrived(mark));
  }

  asio::io_context context;
  Flow flow{context.get_executor()};
  std::chrono::microseconds late{0};
};

TEST_F(FlowTest, SendsAsItLikesWhileNothingWaits) {
  run(send(40, 20000, std::chrono::microseconds(0)));
  EXPECT_EQ(flow.portion(), kNoLimit);
}

TEST_F(FlowTest, WaitsItsTurnWhereAQueueGrows) {
  run(send(60, 20000, milliseconds(2)));
  ASSERT_LT(flow.portion(), 20000u);
  // That portion is 1.5 ms of the limit.
  const auto limit = static_cast<double>(flow.portion()) / 1.5e-3;
  run(turn());
  const auto began = Clock::now();
  flow.sent(200000);
  run(turn());
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  EXPECT_GT(took, 0.8 * 200000 / limit - 2e-3);
}

// At 1 MB/s a burst is 32 ms long: taken as sent at once it would look like a queue.
TEST_F(FlowTest, ABurstIsNoQueue) {
  run(send(60, 5000, milliseconds(2)));
  const std::size_t before = flow.portion();
  ASSERT_LT(before, 5000u);
  run(send_bursts(60, 32768));
  EXPECT_GT(flow.portion(), 4 * before);
}

TEST_F(FlowTest, MarksAreFewAndOnlyWithBytesBetween) {
  EXPECT_FALSE(flow.mark());
  flow.sent(100);
  EXPECT_FALSE(flow.mark());
  flow.sent(100000);
  EXPECT_TRUE(flow.mark());
  flow.sent(100000);
  EXPECT_FALSE(flow.mark()) << "at once after the last";
}

TEST_F(FlowTest, AnswersThatCannotBeAreFaultsOrPassedOver) {
  EXPECT_FALSE(flow.arrived(""));
  EXPECT_FALSE(flow.arrived(std::string(15, '\0')));
  EXPECT_FALSE(flow.arrived(std::string(16, '\xff')));
  EXPECT_TRUE(flow.arrived(std::string(16, '\0')));
  EXPECT_FALSE(Flow::answer("1234567"));
}

struct Silent final : Endpoint::Handler {
  void on_open(std::string_view, mux::StreamId, std::unique_ptr<Offer>) override {}
  Result<void> on_frame(const wire::Frame&) override { return {}; }
};

// An agent's endpoint, and a carrier whose other end the test holds.
struct Marks : testing::Test {
  Marks() {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
    carrier = std::make_unique<stream::SocketStream>(executor, base::Fd(sockets[0]));
    peer = std::make_unique<stream::SocketStream>(executor, base::Fd(sockets[1]));
    tasks.spawn("agent", carry());
  }
  ~Marks() override {
    tasks.cancel();
    context.restart();
    context.run();
  }
  awaitable<void> carry() { why = co_await agent.run(*carrier); }
  void run(awaitable<void> task) { test::run(context, std::move(task)); }

  awaitable<void> say(std::string payload) {
    std::string frame;
    wire::append_frame(frame, {.type = wire::Type::kMark}, payload);
    EXPECT_TRUE(co_await peer->write(asio::buffer(frame), stream::Lane::kData));
  }
  awaitable<void> hear(std::size_t bytes) {
    while (heard.size() < bytes) {
      char buffer[1000];
      const auto n = co_await peer->read(asio::buffer(buffer), stream::Lane::kData);
      if (!n || *n == 0) {
        co_return;
      }
      heard.append(buffer, *n);
    }
  }

  asio::io_context context;
  asio::any_io_executor executor = context.get_executor();
  Silent handler;
  Endpoint agent{executor, mux::Options{.side = mux::Side::kAgent}, handler};
  std::unique_ptr<stream::SocketStream> carrier, peer;
  std::optional<Error> why;
  base::TaskGroup tasks{executor};
  std::string heard;
};

CO_TEST_F(Marks, AreAnsweredWithTheTimeOfArrival) {
  co_await say("12345678");
  co_await hear(wire::kHeaderBytes + 16);
  wire::Decoder decoder;
  decoder.feed(heard);
  const auto frame = decoder.next();
  EXPECT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->header.type, wire::Type::kArrived);
  std::string_view payload = (*frame)->payload;
  EXPECT_EQ(payload.substr(0, 8), "12345678");
  payload.remove_prefix(8);
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  EXPECT_LT(static_cast<std::uint64_t>(now.count()) - *wire::take_u64(payload), 5'000'000u);
}

CO_TEST_F(Marks, ThatCannotBeReadEndTheConnection) {
  co_await say("1234567");
  co_await hear(wire::kHeaderBytes + 1);
  EXPECT_EQ(heard[4], static_cast<char>(wire::Type::kGoodbye));
}

}  // namespace
}  // namespace rdev::link
