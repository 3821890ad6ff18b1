#include "agent/link/links.h"

#include "tests/unit/agent/link/link_lab.h"

namespace rdev::agent_link {
namespace {

using Offered = std::unique_ptr<link::Offer>;

// Answers with what it was asked, then echoes.
awaitable<void> echo(std::string answer, Offered offer) {
  const auto stream = offer->accept(answer);
  char buffer[4096];
  for (;;) {
    const auto n = co_await stream->read(asio::buffer(buffer), stream::Lane::kData);
    if (!n || *n == 0) {
      break;
    }
    (void)co_await stream->write(asio::buffer(buffer, *n), stream::Lane::kData);
  }
  stream->write_eof();
  stream->close();
}

// Stands for a service: how many run, and how they came to their end.
struct Service {
  explicit Service(const asio::any_io_executor& executor) : changed(executor) {}
  int running = 0, lost = 0;
  base::Notify changed;
};

class Running final {
 public:
  explicit Running(Service& service) : service_(service) {
    ++service_.running;
    service_.changed.notify();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    --service_.running;
    service_.changed.notify();
  }

 private:
  Service& service_;
};

awaitable<void> wait_for_bytes(Service& service, Offered offer) {
  const Running running(service);
  const auto stream = offer->accept();
  char byte = 0;
  if (!co_await stream->read(asio::buffer(&byte, 1))) {
    ++service.lost;
  }
}

awaitable<void> until(Service& service, std::function<bool()> condition) {
  while (!condition()) {
    co_await service.changed.wait();
  }
}

class Streams : public LinksTest {
 protected:
  Streams() {
    kinds.session = [](const Session& request, Offered offer) {
      return echo("session " + request.argv(0), std::move(offer));
    };
    kinds.tcp = [](const TcpTarget& target, Offered offer) {
      return echo("tcp " + target.host(), std::move(offer));
    };
    kinds.unix_socket = [this](const UnixTarget&, Offered offer) {
      return wait_for_bytes(service, std::move(offer));
    };
    kinds.ssh = [](const SshServer&, Offered offer) { return echo("ssh", std::move(offer)); };
    kinds.extend = [](const Extend& request, Offered offer) {
      return echo("extend " + std::to_string(request.add_seconds()), std::move(offer));
    };
  }
  // A stream whose service does not end by itself.
  link::Opened open_waiting(Laptop& laptop) {
    StreamRequest request;
    request.mutable_unix_socket();
    auto opened = open(laptop, request);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::string refusal(Laptop& laptop, const StreamRequest& request) {
    const auto opened = open(laptop, request);
    return opened ? "accepted" : opened.error().message;
  }

  Service service{executor};
};

TEST_F(Streams, EachKindHasItsService) {
  Laptop& laptop = connected();
  StreamRequest requests[4];
  requests[0].mutable_session()->add_argv("date");
  requests[1].mutable_tcp()->set_host("there");
  requests[2].mutable_ssh();
  requests[3].mutable_extend()->set_add_seconds(60);
  const char* answers[] = {"session date", "tcp there", "ssh", "extend 60"};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto opened = open(laptop, requests[i]);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->answer, answers[i]);
    run(write_and_end(*opened->stream, answers[i]));
    EXPECT_EQ(all_of(*opened->stream), answers[i]);
  }
}

awaitable<void> listen(Listen request, OpenChild open, Offered offer) {
  const auto listening = offer->accept("listening on " + std::to_string(request.port()));
  Accepted accepted;
  accepted.set_originator("10.0.0.1");
  accepted.set_originator_port(99);
  const auto child = co_await open(accepted);
  EXPECT_TRUE(child) << child.error().message;
  co_await write_and_end(**child, "hello from below");
  char byte = 0;
  (void)co_await listening->read(asio::buffer(&byte, 1));
}

TEST_F(Streams, WhatListensOpensStreamsBelowItself) {
  kinds.listen = listen;
  Laptop& laptop = connected();
  StreamRequest request;
  request.mutable_listen()->set_port(8080);
  const auto opened = open(laptop, request);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->answer, "listening on 8080");
  until(laptop, [&] { return !laptop.children.empty(); });
  EXPECT_EQ(laptop.child_parent, opened->id);
  EXPECT_EQ(laptop.child.accepted().originator(), "10.0.0.1");
  EXPECT_EQ(laptop.child.accepted().originator_port(), 99u);
  EXPECT_EQ(all_of(*laptop.children[0]), "hello from below");
}

TEST_F(Streams, WhatIsUnknownIsRefusedByName) {
  Laptop& laptop = connected();
  StreamRequest listening;
  listening.mutable_listen();
  EXPECT_EQ(
      refusal(laptop, listening),
      "this agent (rdev-agent 0.1.0) does not know listening for the laptop: it is older than "
      "your rdev; start the job anew with rdev down and rdev up");
  const StreamRequest newer = with_unknown_field(StreamRequest());
  EXPECT_THAT(refusal(laptop, newer), HasSubstr("does not know what was asked for"));
  StreamRequest accepted;
  accepted.mutable_accepted();
  EXPECT_THAT(refusal(laptop, accepted), HasSubstr("does not know what was asked for"));
  EXPECT_EQ(laptop.endpoint.streams(), 0u);
}

TEST_F(Streams, ARequestThatCannotBeReadIsRefused) {
  Laptop& laptop = connected();
  std::optional<Result<link::Opened>> opened;
  run(open_into(laptop, "\xff\xff", opened));
  ASSERT_FALSE(*opened);
  EXPECT_THAT(opened->error().message, HasSubstr("cannot be read"));
}

TEST_F(Streams, ServicesEndWithTheConnection) {
  Laptop& laptop = connected();
  const auto first = open_waiting(laptop);
  const auto second = open_waiting(laptop);
  EXPECT_EQ(service.running, 2);
  laptop.carrier->close();
  run(agent_link::until(service, [&] { return service.running == 0; }));
  EXPECT_EQ(service.lost, 2);
  ended(laptop);
}

TEST_F(Streams, ADetachedConsumersServicesEnd) {
  Laptop& laptop = connected();
  const auto opened = open_waiting(laptop);
  std::string frame;
  wire::append_frame(
      frame, {.type = wire::Type::kDetach, .stream = mux::prefix_of(Laptop::kConsumer)}, "");
  run(write(*laptop.carrier, frame));
  run(agent_link::until(service, [&] { return service.running == 0; }));
  EXPECT_EQ(service.lost, 1);
  // The link goes on.
  StreamRequest request;
  request.mutable_ssh();
  EXPECT_TRUE(open(laptop, request));
}

TEST_F(Streams, ACancelledServerEndsItsLinks) {
  Laptop& laptop = connected();
  const auto opened = open_waiting(laptop);
  tasks.cancel();
  run(agent_link::until(service, [&] { return service.running == 0; }));
}

TEST_F(Streams, NonsenseEndsTheLink) {
  Laptop& laptop = connected();
  const auto opened = open_waiting(laptop);
  run(write(*laptop.carrier, std::string(100, '\xff')));
  ended(laptop);
  EXPECT_NE(laptop.goodbye, "");
  EXPECT_EQ(service.running, 0);
}

TEST_F(Streams, WhatOnlyAnAgentSaysEndsTheLink) {
  for (const wire::Type type : {wire::Type::kHello, wire::Type::kWelcome}) {
    Laptop& laptop = connected();
    laptop.endpoint.send(type, "");
    ended(laptop);
    EXPECT_THAT(laptop.goodbye, HasSubstr("HELLO comes once"));
  }
}

TEST_F(Streams, UnknownFramesArePassedOver) {
  times.heartbeat = std::chrono::milliseconds(10);
  Laptop& laptop = connected();
  laptop.endpoint.send(static_cast<wire::Type>(200), "what");
  laptop.endpoint.send(wire::Type::kAskStatus, "");
  const std::size_t before = laptop.heartbeats.size();
  LinksTest::until(laptop, [&] { return laptop.heartbeats.size() > before + 1; });
  EXPECT_FALSE(laptop.ended);
}

}  // namespace
}  // namespace rdev::agent_link
