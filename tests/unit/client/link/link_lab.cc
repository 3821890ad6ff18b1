#include "tests/unit/client/link/link_lab.h"

#include <sys/socket.h>

#include <algorithm>
#include <csignal>

namespace rdev::test {
namespace {

template <class Message>
Message parsed(std::string_view payload) {
  Message message;
  EXPECT_TRUE(message.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  return message;
}

awaitable<void> echo(std::unique_ptr<stream::Stream> stream) {
  std::vector<char> buffer(65536);
  for (;;) {
    const auto n = co_await stream->read(asio::buffer(buffer));
    if (!n || *n == 0 || !co_await stream->write(asio::buffer(buffer.data(), *n))) {
      co_return;
    }
  }
}

// It reads nothing, so nothing answers.
awaitable<void> sink(std::unique_ptr<stream::Stream> stream) {
  while (co_await stream->read_event()) {
  }
}

awaitable<void> flood(std::unique_ptr<stream::Stream> stream) {
  const std::string bytes(65536, 'x');
  while (co_await stream->write(asio::buffer(bytes))) {
  }
}

}  // namespace

std::pair<base::Fd, base::Fd> socket_pair() {
  int sockets[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
  return {base::Fd(sockets[0]), base::Fd(sockets[1])};
}

awaitable<Result<Line>> FakeAgent::dial(std::function<void()> progress) {
  ++dials;
  changed_.notify();
  if (hanging > 0) {
    --hanging;
    if (answers) {
      progress();
    }
    co_await hang();
  }
  if (!dial_errors.empty()) {
    Error error = std::move(dial_errors.front());
    dial_errors.pop_front();
    co_return tl::make_unexpected(std::move(error));
  }
  auto [near, far] = socket_pair();
  tasks_.spawn("agent", carry(endpoint_, std::move(far)));
  co_return Line{.stream = std::make_unique<stream::SocketStream>(executor_, std::move(near)),
                 .endpoint = "fake:" + std::to_string(dials)};
}

// Until release(), or the dial is abandoned.
awaitable<void> FakeAgent::hang() {
  struct Counted {
    explicit Counted(FakeAgent& a) : agent(a) {
      agent.most_hanging = std::max(agent.most_hanging, ++agent.hanging_now);
      agent.changed_.notify();
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
      --agent.hanging_now;
      agent.changed_.notify();
    }
    FakeAgent& agent;
  };
  const Counted counted(*this);
  while (!free_) {
    co_await released_.wait();
  }
}

void FakeAgent::release() {
  free_ = true;
  released_.notify();
}

awaitable<void> FakeAgent::until(std::function<bool(const FakeAgent&)> done) {
  while (!done(*this)) {
    co_await changed_.wait();
  }
}

awaitable<Result<void>> FakeAgent::check() {
  ++checks;
  changed_.notify();
  while (checks_hang) {
    co_await changed_.wait();
  }
  if (!overs.empty()) {
    Error error = std::move(overs.front());
    overs.pop_front();
    co_return tl::make_unexpected(std::move(error));
  }
  co_return over ? tl::make_unexpected(*over) : Result<void>();
}

void FakeAgent::cut() { endpoint_->end({Code::kClosed, "cut"}); }

void FakeAgent::forget() {
  if (endpoint_) {
    cut();
    endpoint_->reset_all("another agent");
  }
  Handler& handler = *this;
  // It sends as much as windows allow, more than an agent of ours would hold.
  const auto memory = std::make_shared<mux::Memory>(std::size_t{1} << 30U);
  endpoint_ = std::make_shared<link::Endpoint>(
      executor_, mux::Options{.side = mux::Side::kAgent, .memory = memory}, handler);
}

void FakeAgent::take_over() {
  Goodbye message;
  message.set_reason("the session goes on over another connection");
  message.set_taken_over_by("somebody");
  endpoint_->send(wire::Type::kGoodbye, message.SerializeAsString());
}

void FakeAgent::mute() { mute_ = true; }

void FakeAgent::unmute() {
  mute_ = false;
  send_heartbeat(0);
}

std::size_t FakeAgent::streams() const { return endpoint_->streams(); }

awaitable<void> FakeAgent::stop() {
  cut();
  endpoint_->reset_all("the test is over");
  tasks_.cancel();
  co_await tasks_.wait();
}

// As the real one: it knows of a connection from its HELLO on.
awaitable<void> FakeAgent::carry(std::shared_ptr<link::Endpoint> endpoint, base::Fd socket) {
  stream::SocketStream carrier(co_await asio::this_coro::executor, std::move(socket));
  std::string bytes;
  std::optional<link_process::Piece> hello;
  while (!hello) {
    char more;
    const auto n = co_await carrier.read(asio::buffer(&more, 1));
    if (!n || *n == 0) {
      co_return;
    }
    hello = link_process::first_frame(bytes += more).value();
  }
  hellos.push_back(parsed<Hello>(hello->payload()));
  std::string first = answer();
  if (goodbye) {
    (void)co_await carrier.write(asio::buffer(first));
    co_return;
  }
  mute_ = false;
  Goodbye to_former;
  to_former.set_taken_over_by(hellos.back().process_id());
  (void)co_await endpoint->run(carrier, std::move(first), to_former.SerializeAsString());
  carrier.close();
}

std::string FakeAgent::answer() {
  std::string frame;
  if (goodbye) {
    Goodbye message;
    message.set_reason(*goodbye);
    wire::append_frame(frame, {.type = wire::Type::kGoodbye}, message.SerializeAsString());
    return frame;
  }
  Welcome welcome;
  welcome.set_major(1);
  welcome.set_program("fake");
  for (const std::uint32_t consumer : endpoint_->consumers()) {
    welcome.add_consumers(consumer);
  }
  wire::append_frame(frame, {.type = wire::Type::kWelcome}, welcome.SerializeAsString());
  return frame;
}

void FakeAgent::on_open(std::string_view request, mux::StreamId,
                        std::unique_ptr<link::Offer> offer) {
  auto stream = offer->accept("granted");
  tasks_.spawn("service", request == "flood"  ? flood(std::move(stream))
                          : request == "sink" ? sink(std::move(stream))
                                              : echo(std::move(stream)));
}

Result<void> FakeAgent::on_frame(const wire::Frame& frame) {
  if (frame.header.type == wire::Type::kHeartbeat && !silent && !mute_) {
    send_heartbeat(parsed<Heartbeat>(frame.payload).sent_us());
  }
  return {};
}

void FakeAgent::send_heartbeat(std::uint64_t echo_us) {
  Heartbeat answer;
  answer.set_sent_us(1);
  answer.set_echo_us(echo_us - static_cast<std::uint64_t>(farther.count()));
  answer.mutable_vitals()->set_uptime_s(17);
  endpoint_->send(wire::Type::kHeartbeat, answer.SerializeAsString());
}

FakeConsumer::FakeConsumer(const asio::any_io_executor& executor, base::Fd socket,
                           std::uint32_t number)
    : endpoint(executor, {.side = mux::Side::kClient, .consumer = std::max(number, 1U)},
               *this),  // 0 is only what it attaches with
      number_(number),
      carrier_(executor, std::move(socket)),
      changed_(executor) {}

void FakeConsumer::attach(std::uint32_t protocol) {
  Attach attach;
  attach.set_consumer(number_);
  attach.set_what("test");
  attach.set_program("rdev 99.0");
  attach.set_protocol(protocol);
  endpoint.send(wire::Type::kAttach, attach.SerializeAsString());
}

awaitable<Result<link::Opened>> FakeConsumer::open(const std::string& what) {
  return endpoint.open(what);
}

awaitable<bool> FakeConsumer::echoes() {
  auto opened = co_await open("echo");
  co_return opened&& co_await echoes(*opened);
}

awaitable<bool> FakeConsumer::echoes(link::Opened& echo) {
  if (!co_await echo.stream->write(asio::buffer("ping", 4))) {
    co_return false;
  }
  std::string answer(4, '\0');
  for (std::size_t have = 0; have < answer.size();) {
    const auto n = co_await echo.stream->read(asio::buffer(answer) + have);
    if (!n || *n == 0) {
      co_return false;
    }
    have += *n;
  }
  co_return answer == "ping";
}

awaitable<void> FakeConsumer::until(std::function<bool(const FakeConsumer&)> done) {
  while (!done(*this)) {
    co_await changed_.wait();
  }
}

Result<void> FakeConsumer::on_frame(const wire::Frame& frame) {
  if (frame.header.type == wire::Type::kAttached) {
    rtt_us = parsed<Attached>(frame.payload).rtt_us();
    if (attached++ > 0) {
      endpoint.resume();
    }
  } else if (frame.header.type == wire::Type::kPaused) {
    endpoint.pause();
    pauses.push_back(parsed<Paused>(frame.payload).reason());
  } else if (frame.header.type == wire::Type::kStatus) {
    statuses.push_back(parsed<LinkStatus>(frame.payload));
  } else if (frame.header.type == wire::Type::kLost) {
    lost = parsed<Lost>(frame.payload);
  }
  changed_.notify();
  return {};
}

awaitable<void> FakeConsumer::run() {
  ended = co_await endpoint.run(carrier_);
  carrier_.close();
  changed_.notify();
}

LinkLab::LinkLab() {
  ::signal(SIGPIPE, SIG_IGN);  // as the programs do
}

LinkLab::~LinkLab() {
  link->end({Code::kCancelled, "the test is over"});
  for (const auto& consumer : consumers_) {
    consumer->hang_up();
  }
  run(ended());
  run(agent.stop());
  tasks.cancel();
  context.restart();
  context.run();
}

void LinkLab::begin(link_process::Timing timing) {
  link_process::LinkOptions options{.job = "train", .timing = timing};
  options.hello.set_major(1);
  options.hello.set_job_name("train");
  link = std::make_unique<link_process::Link>(executor, agent, std::move(options));
  tasks.spawn("link", run_link());
}

awaitable<void> LinkLab::run_link() {
  end = co_await link->run();
  over_.notify();
}

awaitable<void> LinkLab::ended() {
  while (!end) {
    co_await over_.wait();
  }
}

FakeConsumer& LinkLab::consumer(std::uint32_t number) {
  auto [near, far] = socket_pair();
  link->adopt(std::move(far));
  consumers_.push_back(std::make_unique<FakeConsumer>(executor, std::move(near), number));
  tasks.spawn("consumer", consumers_.back()->run());
  return *consumers_.back();
}

base::Fd LinkLab::bare_consumer() {
  auto [near, far] = socket_pair();
  link->adopt(std::move(far));
  return std::move(near);
}

}  // namespace rdev::test
