#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/link/attach_protocol.h"
#include "client/link/link.h"
#include "protocol/base/task_group.h"
#include "protocol/link/endpoint.h"
#include "protocol/stream/socket_stream.h"
#include "tests/unit/run.h"

namespace rdev::test {

using link_process::Line;

// The two ends of a connection.
std::pair<base::Fd, base::Fd> socket_pair();

// An agent in this process. Its streams: "flood" sends for ever, "sink" reads nothing, anything
// else is an echo; they outlive connections.
class FakeAgent final : public link_process::Agent, link::Endpoint::Handler {
 public:
  explicit FakeAgent(const asio::any_io_executor& executor)
      : executor_(executor), tasks_(executor), changed_(executor), released_(executor) {
    forget();
  }
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;
  ~FakeAgent() override = default;

  // What the next dials do, the first first; without any they work.
  std::deque<Error> dial_errors;
  std::optional<Error> over;  // what check() says
  std::deque<Error> overs;    // before that, the first first
  bool checks_hang = false;
  std::optional<std::string> goodbye;   // instead of WELCOME
  bool silent = false;                  // no heartbeats
  std::chrono::microseconds farther{};  // than it is, by its heartbeats
  int hanging = 0;                      // so many dials, the next ones, wait for ever
  bool answers = false;                 // before they do

  awaitable<Result<Line>> dial(std::function<void()> progress) override;
  awaitable<Result<void>> check() override;

  // Cuts the connection.
  void cut();
  // Becomes another agent.
  void forget();
  // Another client takes the session over.
  void take_over();
  // What is connected now sends no heartbeats (any more), and is heard again.
  void mute();
  void unmute();
  void release();
  // Until `done` says so.
  awaitable<void> until(std::function<bool(const FakeAgent&)> done);
  std::size_t streams() const;
  awaitable<void> stop();

  int dials = 0;
  int hanging_now = 0, most_hanging = 0;
  int checks = 0;
  std::vector<Hello> hellos;

 private:
  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer) override;
  Result<void> on_frame(const wire::Frame& frame) override;
  awaitable<void> carry(std::shared_ptr<link::Endpoint> endpoint, base::Fd socket);
  std::string answer();
  void send_heartbeat(std::uint64_t echo_us);
  awaitable<void> hang();

  asio::any_io_executor executor_;
  base::TaskGroup tasks_;
  std::shared_ptr<link::Endpoint> endpoint_;
  bool mute_ = false;  // the connection that is there
  base::Notify changed_, released_;
  bool free_ = false;
};

// A process of the laptop.
class FakeConsumer final : public link::Endpoint::Handler {
 public:
  FakeConsumer(const asio::any_io_executor& executor, base::Fd socket, std::uint32_t number);
  FakeConsumer(const FakeConsumer&) = delete;
  FakeConsumer& operator=(const FakeConsumer&) = delete;
  ~FakeConsumer() override = default;

  void attach(std::uint32_t protocol = link_process::kAttachProtocol);
  awaitable<Result<link::Opened>> open(const std::string& what);
  // Whether an echo answers: one of its own, or this.
  awaitable<bool> echoes();
  static awaitable<bool> echoes(link::Opened& echo);
  void hang_up() { endpoint.end({Code::kClosed, "enough"}); }
  // Until `done` says so.
  awaitable<void> until(std::function<bool(const FakeConsumer&)> done);

  int attached = 0;          // so many times
  std::uint64_t rtt_us = 0;  // it was told then
  std::vector<std::string> pauses;
  std::vector<LinkStatus> statuses;
  std::optional<Lost> lost;
  std::optional<Error> ended;
  link::Endpoint endpoint;

 private:
  friend class LinkLab;
  void on_open(std::string_view, mux::StreamId, std::unique_ptr<link::Offer>) override {}
  Result<void> on_frame(const wire::Frame& frame) override;
  awaitable<void> run();

  const std::uint32_t number_;
  stream::SocketStream carrier_;
  base::Notify changed_;
};

// A link with its agent and consumers.
class LinkLab : public testing::Test {
 public:
  LinkLab();
  ~LinkLab() override;
  void begin(link_process::Timing timing = {});
  FakeConsumer& consumer(std::uint32_t number);
  // Without an endpoint: its bytes are the test's own affair.
  base::Fd bare_consumer();
  awaitable<void> ended();

  asio::io_context context;
  asio::any_io_executor executor = context.get_executor();
  FakeAgent agent{executor};
  std::unique_ptr<link_process::Link> link;
  std::optional<Error> end;
  base::TaskGroup tasks{executor};

 protected:
  void run(awaitable<void> task) { test::run(context, std::move(task)); }

 private:
  awaitable<void> run_link();
  std::vector<std::unique_ptr<FakeConsumer>> consumers_;
  base::Notify over_{executor};
};

}  // namespace rdev::test
