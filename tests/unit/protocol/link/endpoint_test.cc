#include "protocol/link/endpoint.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <vector>

#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "protocol/stream/socket_stream.h"
#include "tests/unit/run.h"

namespace rdev::link {
namespace {

using stream::Lane;
using stream::Stream;

constexpr std::uint32_t kConsumer = 77;

// Keeps what it is offered, and says when there is something.
struct Recorder final : Endpoint::Handler {
  explicit Recorder(const asio::any_io_executor& executor) : changed(executor) {}
  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<Offer> offer) override {
    requests.emplace_back(request);
    parents.push_back(parent);
    offers.push_back(std::move(offer));
    changed.notify();
  }
  Result<void> on_frame(const wire::Frame& frame) override {
    frames.emplace_back(frame.payload);
    changed.notify();
    if (frame.payload == "nonsense") {
      return fail(Code::kProtocol, "that was nonsense");
    }
    return {};
  }
  awaitable<std::unique_ptr<Offer>> take() {
    while (offers.empty()) {
      co_await changed.wait();
    }
    auto offer = std::move(offers.front());
    offers.erase(offers.begin());
    co_return offer;
  }
  awaitable<void> frame() {
    while (frames.empty()) {
      co_await changed.wait();
    }
  }

  std::vector<std::string> requests, frames;
  std::vector<mux::StreamId> parents;
  std::vector<std::unique_ptr<Offer>> offers;
  base::Notify changed;
};

class EndpointTest : public testing::Test {
 protected:
  EndpointTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the programs do
    dial();
  }
  ~EndpointTest() override {
    pair.reset();
    tasks.cancel();
    context.restart();
    context.run();
  }

  void add_carriers() {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
    carriers.push_back(std::make_unique<stream::SocketStream>(executor, base::Fd(sockets[0])));
    carriers.push_back(std::make_unique<stream::SocketStream>(executor, base::Fd(sockets[1])));
  }
  void dial() {
    add_carriers();
    tasks.spawn("client", carry(*client, **(carriers.end() - 2), client_end));
    tasks.spawn("agent", carry(*agent, **(carriers.end() - 1), agent_end));
  }
  void until(const std::function<bool()>& condition) {
    context.restart();
    while (!condition() && context.run_one() > 0) {
    }
  }
  void both_ended() {
    until([this] { return client_end && agent_end; });
  }

  static awaitable<void> carry(Endpoint& endpoint, Stream& carrier, std::optional<Error>& why) {
    why = co_await endpoint.run(carrier);
    carrier.close();
  }

  struct Pair {
    Opened near;
    std::unique_ptr<Stream> far;
  };
  awaitable<void> connect() {
    pair.emplace();
    base::TaskGroup opening(executor);
    opening.spawn("open", open_near());
    auto offer = co_await at_agent.take();
    far_id = offer->id();
    pair->far = offer->accept("granted");
    co_await opening.wait();
  }
  awaitable<void> open_near() {
    auto opened = co_await client->open("wanted");
    EXPECT_TRUE(opened) << opened.error().message;
    pair->near = std::move(*opened);
  }
  void run(awaitable<void> task) { test::run(context, std::move(task)); }

  asio::io_context context;
  asio::any_io_executor executor = context.get_executor();
  Recorder at_client{executor}, at_agent{executor};
  std::unique_ptr<Endpoint> client = std::make_unique<Endpoint>(
      executor, mux::Options{.side = mux::Side::kClient, .consumer = kConsumer}, at_client);
  std::unique_ptr<Endpoint> agent =
      std::make_unique<Endpoint>(executor, mux::Options{.side = mux::Side::kAgent}, at_agent);
  std::vector<std::unique_ptr<stream::SocketStream>> carriers;
  std::optional<Error> client_end, agent_end;
  base::TaskGroup tasks{executor};
  std::optional<Pair> pair;
  mux::StreamId far_id = 0;
};

awaitable<std::string> read_all(Stream& stream, Lane lane = Lane::kData) {
  std::string text;
  char buffer[100];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return text + (n ? "" : "!" + n.error().message);
    }
    text.append(buffer, *n);
  }
}

awaitable<void> write_and_end(Stream& stream, std::string text, Lane lane = Lane::kData) {
  const auto written = co_await stream.write(asio::buffer(text), lane);
  EXPECT_TRUE(written) << written.error().message;
  stream.write_eof();
}

TEST_F(EndpointTest, AnOpenHasItsRequestAnswerAndId) {
  run(connect());
  EXPECT_EQ(at_agent.requests, std::vector<std::string>{"wanted"});
  EXPECT_EQ(pair->near.answer, "granted");
  EXPECT_EQ(pair->near.id, far_id);
  EXPECT_EQ(mux::consumer_of(far_id), kConsumer);
  EXPECT_EQ(client->streams(), 1u);
}

awaitable<void> refuse_next(Recorder& recorder) {
  auto offer = co_await recorder.take();
  offer->refuse(stream::Refusal::kConnectFailed, "nobody listens there");
}

awaitable<void> open_into(Endpoint& endpoint, std::optional<Result<Opened>>& result) {
  result = co_await endpoint.open("x");
}

TEST_F(EndpointTest, ARefusalBringsItsSentence) {
  std::optional<Result<Opened>> result;
  tasks.spawn("refuse", refuse_next(at_agent));
  run(open_into(*client, result));
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().code, Code::kUnavailable);
  EXPECT_EQ(result->error().message, "nobody listens there");
  EXPECT_EQ(client->streams(), 0u);
}

awaitable<void> half_close(Stream& near, Stream& far) {
  co_await write_and_end(near, "question");
  EXPECT_EQ(co_await read_all(far), "question");
  co_await write_and_end(far, "answer");
  EXPECT_EQ(co_await read_all(near), "answer");
}

TEST_F(EndpointTest, EachDirectionEndsByItself) {
  run(connect());
  run(half_close(*pair->near.stream, *pair->far));
}

awaitable<void> bulk(Stream& near, Stream& far, base::TaskGroup& tasks) {
  std::string sent;
  for (std::size_t i = 0; sent.size() < 9'000'000; ++i) {
    sent += std::to_string(i) + ' ';
  }
  tasks.spawn("bulk", write_and_end(near, sent));
  std::string received;
  std::vector<char> buffer(70'000);
  for (;;) {
    const auto n = co_await far.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      break;
    }
    received.append(buffer.data(), *n);
  }
  EXPECT_TRUE(received == sent);
}

TEST_F(EndpointTest, MoreThanTheWindowArrivesInOrder) {
  run(connect());
  run(bulk(*pair->near.stream, *pair->far, tasks));
}

awaitable<void> events(Stream& near, Stream& far) {
  near.send_event(stream::WindowChange{.columns = 132, .rows = 43});
  near.send_event(stream::Signal{.name = "TERM"});
  const auto first = co_await far.read_event();
  EXPECT_EQ(std::get<stream::WindowChange>(*first).columns, 132u);
  const auto second = co_await far.read_event();
  EXPECT_EQ(std::get<stream::Signal>(*second).name, "TERM");
  const std::string last_words = "bad";
  EXPECT_TRUE(co_await far.write(asio::buffer(last_words), Lane::kStderr));
  far.send_event(stream::ExitSignal{.name = "SEGV", .core_dumped = true, .message = "oops"});
  far.close();
  const auto exit = co_await near.read_event();
  EXPECT_EQ(std::get<stream::ExitSignal>(*exit).name, "SEGV");
  EXPECT_TRUE(std::get<stream::ExitSignal>(*exit).core_dumped);
  const auto none = co_await near.read_event();
  EXPECT_EQ(none.error().code, Code::kClosed);
  EXPECT_EQ(co_await read_all(near, Lane::kStderr), "bad");
  EXPECT_EQ(co_await read_all(near), "");
  const auto refused = co_await near.write(asio::buffer(last_words));
  EXPECT_FALSE(refused);
}

TEST_F(EndpointTest, EventsComeInOrderAndBeforeTheClose) {
  run(connect());
  run(events(*pair->near.stream, *pair->far));
}

awaitable<void> until_idle(Endpoint& a, Endpoint& b) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (a.streams() + b.streams() > 0) {
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(use_tuple);
  }
}

TEST_F(EndpointTest, AStreamIsForgottenWhenBothEndsHaveGone) {
  run(connect());
  pair.reset();
  run(until_idle(*client, *agent));
  EXPECT_EQ(client->held() + agent->held(), 0u);
}

awaitable<void> read_result(Stream& stream, std::optional<std::string>& text) {
  text = co_await read_all(stream);
}

awaitable<void> read_some(Stream& stream, std::string& text, std::size_t enough) {
  std::string buffer(65536, '\0');
  while (text.size() < enough) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    EXPECT_TRUE(n);
    text.append(buffer, 0, n.value_or(enough));
  }
}

awaitable<void> until_set(const std::optional<std::string>& text) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!text) {
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(use_tuple);
  }
}

TEST_F(EndpointTest, StreamsWaitWhenTheConnectionEndsUntilTheyAreReset) {
  run(connect());
  std::optional<std::string> text;
  tasks.spawn("read", read_result(*pair->near.stream, text));
  agent->send(wire::Type::kGoodbye, "bye");
  agent->end({Code::kFailed, "enough"});
  both_ended();
  EXPECT_EQ(at_client.frames, std::vector<std::string>{"bye"});
  EXPECT_EQ(agent_end->message, "enough");
  EXPECT_FALSE(text);
  client->reset_all("nobody came back");
  run(until_set(text));
  EXPECT_EQ(*text, "!nobody came back");
  std::optional<Result<Opened>> late;
  run(open_into(*client, late));
  EXPECT_EQ(late->error().code, Code::kClosed);
}

TEST_F(EndpointTest, StreamsGoOnOverAnotherConnection) {
  run(connect());
  const std::string sent(8'000'000, 'x');
  std::string received;
  tasks.spawn("write", write_and_end(*pair->far, sent));
  std::optional<std::string> rest;
  run(read_some(*pair->near.stream, received, 3'000'000));
  carriers[0]->close();
  both_ended();
  tasks.spawn("rest", read_result(*pair->near.stream, rest));
  dial();
  client->resume();
  run(until_set(rest));
  EXPECT_TRUE(received + *rest == sent);
}

// As when a laptop dials anew before its old connection is known to be dead.
TEST_F(EndpointTest, AnotherConnectionTakesTheStreamsOver) {
  run(connect());
  std::optional<std::string> text;
  tasks.spawn("read", read_result(*pair->near.stream, text));
  const std::size_t old = carriers.size();
  add_carriers();
  tasks.spawn("agent again", carry(*agent, *carriers[old + 1], agent_end));
  until([this] { return client_end.has_value(); });
  EXPECT_EQ(at_client.frames.size(), 1u);  // GOODBYE
  tasks.spawn("client again", carry(*client, *carriers[old], client_end));
  client->resume();
  run(write_and_end(*pair->far, "still here"));
  run(until_set(text));
  EXPECT_EQ(*text, "still here");
}

awaitable<void> child_of(Endpoint& agent, mux::StreamId parent, Recorder& at_client) {
  base::TaskGroup opening(co_await asio::this_coro::executor);
  std::optional<Result<Opened>> unused;
  auto task = agent.open("child", parent);
  opening.spawn("accept", refuse_next(at_client));
  const auto opened = co_await std::move(task);
  EXPECT_FALSE(opened);
  co_await opening.wait();
}

TEST_F(EndpointTest, TheAgentOpensBelowAStream) {
  run(connect());
  run(child_of(*agent, far_id, at_client));
  EXPECT_EQ(at_client.parents, std::vector<mux::StreamId>{far_id});
}

TEST_F(EndpointTest, FramesOfTheConnectionGoToTheHandlerAndMayEndIt) {
  client->send(wire::Type::kHello, "nonsense");
  run(at_agent.frame());
  context.restart();
  while (!agent_end && context.run_one() > 0) {
  }
  EXPECT_EQ(agent_end->message, "that was nonsense");
}

TEST_F(EndpointTest, ADetachedConsumersStreamsEnd) {
  run(connect());
  std::optional<std::string> text;
  tasks.spawn("read", read_result(*pair->far, text));
  agent->detach(kConsumer);
  run(until_set(text));
  EXPECT_EQ(text->front(), '!');
  EXPECT_EQ(agent->streams(), 0u);
}

TEST_F(EndpointTest, StreamsMayOutliveTheirEndpoint) {
  run(connect());
  tasks.cancel();
  run(tasks.wait());
  client.reset();
  std::optional<std::string> text;
  run(read_result(*pair->near.stream, text));
  EXPECT_EQ(text->front(), '!');
}

awaitable<void> pass_a_few(Stream& from, Stream& to) {
  const std::string text = "a few";
  EXPECT_TRUE(co_await from.write(asio::buffer(text)));
  char buffer[100];
  EXPECT_EQ((co_await to.read(asio::buffer(buffer))).value(), text.size());
}

TEST_F(EndpointTest, TheLastBytesOfAnIdleStreamAreNotKept) {
  run(connect());
  run(pass_a_few(*pair->far, *pair->near.stream));
  run(pass_a_few(*pair->near.stream, *pair->far));
  EXPECT_GT(agent->held(), 0u);
  EXPECT_GT(client->held(), 0u);
  until([this] { return client->held() + agent->held() == 0; });
}

}  // namespace
}  // namespace rdev::link
