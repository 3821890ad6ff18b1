#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/services/sessions.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::services {

// Sessions on this machine's /bin/sh, and the asking side of one at a time.
class SessionLab : public testing::Test {
 protected:
  SessionLab() {
    settings_.own.name = "alice";
    settings_.own.uid = ::geteuid();
    settings_.own.shell = "/bin/sh";
    settings_.own.home = "/";
    settings_.job_environment = process::Environment({"PATH=/usr/bin:/bin"});
  }
  ~SessionLab() override {
    peer_.reset();
    tasks_.cancel();
    test::run(context_, drain());
  }

  // Asks for a session; the peer's end when it was accepted.
  stream::Stream& open(SessionRequest request) {
    if (!sessions_) {
      sessions_.emplace(reaper_, process::JobLimits{}, settings_);
    }
    request.user = user_;
    answer_ = std::make_shared<stream::Answer>(context_.get_executor());
    tasks_.spawn("session", sessions_->serve(std::move(request),
                                             std::make_unique<stream::FakeOffer>(
                                                 context_.get_executor(), answer_, capacity_)));
    test::run(context_, answered());
    peer_ = std::move(answer_->peer);
    return *peer_;
  }
  stream::Stream& exec(const std::string& command) {
    return open({.kind = SessionKind::kExec, .command = command});
  }
  stream::Stream& argv(std::vector<std::string> words) {
    return open({.kind = SessionKind::kArgv, .argv = std::move(words), .env_rule = EnvRule::kAll});
  }
  stream::Stream& exec_on_terminal(const std::string& command) {
    return open(
        {.kind = SessionKind::kExec,
         .command = command,
         .terminal = TerminalRequest{.term = "vt100", .size = {.columns = 90, .rows = 30}}});
  }

  // Until the lane's end.
  std::string read_all(stream::Lane lane = stream::Lane::kData) {
    return test::run(context_, read_until(lane, std::string_view()));
  }
  // Until what was read ends in `mark`.
  std::string read_to(std::string_view mark) {
    return test::run(context_, read_until(stream::Lane::kData, mark));
  }
  void write(std::string_view text) { test::run(context_, write_text(text)); }
  std::optional<stream::Event> next_event() { return test::run(context_, read_event()); }
  int exit_code() {
    const auto event = next_event();
    const auto* status = event ? std::get_if<stream::ExitStatus>(&*event) : nullptr;
    return status != nullptr ? static_cast<int>(status->code) : -1;
  }
  // Takes `fd` and reads it to its end.
  awaitable<std::string> read_fd(int fd) {
    asio::posix::stream_descriptor from(context_, fd);
    std::string text;
    co_await asio::async_read(from, asio::dynamic_buffer(text), use_tuple);
    co_return text;
  }
  awaitable<bool> childless() {
    co_await reaper_.childless();
    co_return true;
  }
  // Runs until no session is left.
  void finish() { test::run(context_, drain()); }

  std::string user_ = "alice";
  std::size_t capacity_ = 64 * 1024;  // of each direction of the stream
  asio::io_context context_;
  process::Reaper reaper_{context_.get_executor()};
  SessionSettings settings_;
  std::optional<Sessions> sessions_;
  base::TaskGroup tasks_{context_.get_executor()};
  std::shared_ptr<stream::Answer> answer_;
  std::unique_ptr<stream::Stream> peer_;

 private:
  awaitable<bool> drain() {
    co_await tasks_.wait();
    co_return true;
  }
  awaitable<bool> answered() {
    co_await answer_->wait();
    co_return true;
  }
  awaitable<std::string> read_until(stream::Lane lane, std::string_view mark) {
    std::string text;
    char buffer[8192];
    while (mark.empty() || !text.ends_with(mark)) {
      const auto n = co_await peer_->read(asio::buffer(buffer), lane);
      if (!n || *n == 0) {
        break;
      }
      text.append(buffer, *n);
    }
    co_return text;
  }
  awaitable<bool> write_text(std::string_view text) {
    const auto written = co_await peer_->write(asio::buffer(text));
    EXPECT_TRUE(written) << written.error().message;
    co_return true;
  }
  awaitable<std::optional<stream::Event>> read_event() {
    auto event = co_await peer_->read_event();
    co_return event ? std::optional(*event) : std::nullopt;
  }
};

}  // namespace rdev::services
