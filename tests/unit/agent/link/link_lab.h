#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/link/links.h"
#include "protocol/base/log.h"
#include "protocol/base/task_group.h"
#include "protocol/link/endpoint.h"
#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

// Links and laptops in one process, over streams in memory.
namespace rdev::agent_link {

using testing::HasSubstr;

inline Hello good_hello() {
  Hello hello;
  hello.set_major(1);
  hello.set_job_name("mine");
  hello.set_session_id(std::string(16, 'i'));
  hello.set_session_secret(std::string(32, 's'));
  hello.set_program("rdev 0.3.0");
  return hello;
}

// The same with field 1006, of a version to come.
template <class Message>
Message with_unknown_field(const Message& message) {
  Message result;
  EXPECT_TRUE(result.ParseFromString(message.SerializeAsString() + "\xf2\x3e\x01x"));
  return result;
}

// A client of the link that records what it is told.
class Laptop final : public link::Endpoint::Handler {
 public:
  static constexpr std::uint32_t kConsumer = 7;

  explicit Laptop(const asio::any_io_executor& executor)
      : endpoint(executor, {.side = mux::Side::kClient, .consumer = kConsumer}, *this),
        changed_(executor) {}

  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer) override {
    EXPECT_TRUE(child.ParseFromArray(request.data(), static_cast<int>(request.size())));
    child_parent = parent;
    children.push_back(offer->accept());
    changed_.notify();
  }
  Result<void> on_frame(const wire::Frame& frame) override {
    const auto parse = [&](auto& message) {
      EXPECT_TRUE(
          message.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())));
    };
    if (frame.header.type == wire::Type::kWelcome) {
      parse(welcome.emplace());
    } else if (frame.header.type == wire::Type::kGoodbye) {
      Goodbye message;
      parse(message);
      goodbye = message.reason();
    } else if (frame.header.type == wire::Type::kHeartbeat) {
      parse(heartbeats.emplace_back());
    }
    changed_.notify();
    return {};
  }

  std::uint64_t echoed() const { return heartbeats.empty() ? 0 : heartbeats.back().echo_us(); }
  awaitable<void> until(std::function<bool()> condition) {
    while (!condition()) {
      co_await changed_.wait();
    }
  }
  awaitable<void> run(std::unique_ptr<stream::Stream> connection) {
    carrier = std::move(connection);
    ended = co_await endpoint.run(*carrier);
    carrier->close();
    changed_.notify();
  }

  link::Endpoint endpoint;
  std::unique_ptr<stream::Stream> carrier;
  std::optional<Welcome> welcome;
  std::string goodbye;
  std::vector<Heartbeat> heartbeats;
  std::optional<Error> ended;
  StreamRequest child;
  mux::StreamId child_parent = 0;
  std::vector<std::unique_ptr<stream::Stream>> children;

 private:
  base::Notify changed_;
};

inline awaitable<std::string> read_all(stream::Stream& stream) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), stream::Lane::kData);
    if (!n || *n == 0) {
      co_return text + (n ? "" : "!" + n.error().message);
    }
    text.append(buffer, *n);
  }
}

inline awaitable<void> write(stream::Stream& stream, std::string bytes) {
  const auto written = co_await stream.write(asio::buffer(bytes), stream::Lane::kData);
  EXPECT_TRUE(written) << written.error().message;
}

inline awaitable<void> write_and_end(stream::Stream& stream, std::string bytes) {
  co_await write(stream, std::move(bytes));
  stream.write_eof();
}

inline awaitable<void> exit_code(stream::Stream& stream, std::optional<std::uint32_t>& code) {
  const auto event = co_await stream.read_event();
  if (event && std::holds_alternative<stream::ExitStatus>(*event)) {
    code = std::get<stream::ExitStatus>(*event).code;
  }
}

class LinksTest : public testing::Test {
 protected:
  LinksTest() { base::set_log_level(base::LogLevel::kOff); }
  ~LinksTest() override {
    tasks.cancel();
    context.restart();
    context.run();
    if (links) {
      EXPECT_EQ(links->size(), 0u);
    }
    base::set_log_level(base::LogLevel::kInfo);
  }
  void make_links() {
    Options options{.self = {.job_name = "mine", .program = "rdev-agent 0.1.0"},
                    .kinds = kinds,
                    .vitals = vitals,
                    .times = times};
    links.emplace(executor, std::move(options));
  }
  // The laptop's end of a new connection, which holds `capacity` bytes each way.
  std::unique_ptr<stream::Stream> dial(const std::string& key = "SHA256:mine",
                                       std::size_t capacity = stream::kFakeCapacity) {
    if (!links) {
      make_links();
    }
    auto answer = std::make_shared<stream::Answer>(executor);
    auto offer = std::make_unique<stream::FakeOffer>(executor, answer, capacity);
    tasks.spawn("serve",
                links->serve({.remote_address = "unix", .key_fingerprint = key}, std::move(offer)));
    while (!answer->answered()) {
      context.restart();
      context.run_one();
    }
    return std::move(answer->peer);
  }
  Laptop& connect(const Hello& hello = good_hello(), const std::string& key = "SHA256:mine") {
    Laptop& laptop = *laptops.emplace_back(std::make_unique<Laptop>(executor));
    laptop.endpoint.send(wire::Type::kHello, hello.SerializeAsString());
    tasks.spawn("laptop", laptop.run(dial(key)));
    return laptop;
  }
  // One that has been welcomed.
  Laptop& connected(const Hello& hello = good_hello()) {
    Laptop& laptop = connect(hello);
    until(laptop, [&] { return laptop.welcome.has_value(); });
    return laptop;
  }
  void until(Laptop& laptop, std::function<bool()> condition) {
    run(laptop.until(std::move(condition)));
  }
  void ended(Laptop& laptop) {
    until(laptop, [&] { return laptop.ended.has_value(); });
  }
  void run(awaitable<void> task) { test::run(context, std::move(task)); }

  Result<link::Opened> open(Laptop& laptop, const StreamRequest& request) {
    std::optional<Result<link::Opened>> opened;
    run(open_into(laptop, request.SerializeAsString(), opened));
    return *std::move(opened);
  }
  static awaitable<void> open_into(Laptop& laptop, std::string request,
                                   std::optional<Result<link::Opened>>& opened) {
    opened.emplace(co_await laptop.endpoint.open(std::move(request)));
  }
  std::string all_of(stream::Stream& stream) {
    std::string text;
    run(read_into(stream, text));
    return text;
  }
  static awaitable<void> read_into(stream::Stream& stream, std::string& text) {
    text = co_await read_all(stream);
  }

  asio::io_context context;
  const asio::any_io_executor executor = context.get_executor();
  Kinds kinds;
  std::function<Vitals()> vitals = [] { return Vitals(); };
  Times times{.linger = std::chrono::milliseconds(0)};  // else a test asks for it
  std::optional<Links> links;
  std::vector<std::unique_ptr<Laptop>> laptops;
  base::TaskGroup tasks{executor};
};

}  // namespace rdev::agent_link
