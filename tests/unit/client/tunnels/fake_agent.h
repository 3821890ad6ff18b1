#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/tunnels/shared_link.h"
#include "protocol/base/notify.h"
#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::tunnels {

// What became of an offer that the agent made.
class FakeLinkOffer final : public link::Offer {
 public:
  FakeLinkOffer(const asio::any_io_executor& executor, std::shared_ptr<stream::Answer> answer)
      : offer_(executor, std::move(answer)) {}
  std::unique_ptr<stream::Stream> accept() override { return offer_.accept(); }
  std::unique_ptr<stream::Stream> accept(std::string_view) override { return offer_.accept(); }
  void refuse(stream::Refusal why, std::string reason) override {
    offer_.refuse(why, std::move(reason));
  }
  mux::StreamId id() const override { return 0; }

 private:
  stream::FakeOffer offer_;
};

// An agent behind a link that a test cuts and lets come back.
class FakeAgent final {
 public:
  struct Asked {
    StreamRequest request;
    mux::StreamId id = 0;
    std::unique_ptr<stream::Stream> stream;  // the agent's end
  };

  explicit FakeAgent(const asio::any_io_executor& executor)
      : executor_(executor), changed_(executor) {}

  Connect connect() {
    return [this](OnOpen on_open) { return attach(std::move(on_open)); };
  }

  // The next stream that was asked for.
  awaitable<Asked> next() {
    while (asked.empty()) {
      co_await changed_.wait();
    }
    Asked first = std::move(asked.front());
    asked.pop_front();
    co_return first;
  }

  // Every stream is lost, and there is no link until restore().
  void cut(const Error& why = {Code::kUnavailable, "cut"}) {
    reachable = false;
    if (line_) {
      line_->lost = why;
      line_->changed.notify();
    }
    line_.reset();
    asked.clear();
    changed_.notify();
  }
  void restore() {
    reachable = true;
    changed_.notify();
  }

  // A connection to what the stream `parent` listens on.
  std::shared_ptr<stream::Answer> accept(mux::StreamId parent) {
    auto answer = std::make_shared<stream::Answer>(executor_);
    StreamRequest request;
    request.mutable_accepted();
    on_open_(request, parent, std::make_unique<FakeLinkOffer>(executor_, answer));
    return answer;
  }

  bool reachable = true;
  int attempts = 0;
  std::optional<Error> error;  // what connecting ends with, at once
  // Answers with a refusal when it returns one; before that, `opening` runs.
  std::function<std::optional<std::string>(const StreamRequest&)> refuse;
  std::function<void(mux::StreamId)> opening;
  std::uint32_t listen_port = 4000;
  std::deque<Asked> asked;

 private:
  struct Line {
    explicit Line(const asio::any_io_executor& executor) : changed(executor) {}
    std::optional<Error> lost;
    base::Notify changed;
  };
  class FakeConnection final : public Connection {
   public:
    FakeConnection(FakeAgent& agent, std::shared_ptr<Line> line)
        : agent_(agent), line_(std::move(line)) {}
    awaitable<Result<link::Opened>> open(StreamRequest request) override {
      co_await asio::post(agent_.executor_, asio::use_awaitable);
      if (line_->lost) {
        co_return fail(Code::kClosed, line_->lost->message);
      }
      co_return agent_.answer(std::move(request));
    }
    awaitable<Error> lost() override {
      while (!line_->lost) {
        co_await line_->changed.wait();
      }
      co_return *line_->lost;
    }

   private:
    FakeAgent& agent_;
    std::shared_ptr<Line> line_;
  };

  awaitable<Result<std::shared_ptr<Connection>>> attach(OnOpen on_open) {
    ++attempts;
    while (!reachable && !error) {
      co_await changed_.wait();
    }
    if (error) {
      co_return tl::make_unexpected(*error);
    }
    on_open_ = std::move(on_open);
    line_ = std::make_shared<Line>(executor_);
    co_return std::make_shared<FakeConnection>(*this, line_);
  }

  Result<link::Opened> answer(StreamRequest request) {
    if (refuse) {
      if (auto why = refuse(request)) {
        return fail(Code::kUnavailable, *why);
      }
    }
    link::Opened opened;
    opened.id = ++last_id_;
    if (opening) {
      opening(opened.id);
    }
    if (request.has_listen() && request.listen().path().empty()) {
      Listening listening;
      listening.set_port(request.listen().port() == 0 ? listen_port : request.listen().port());
      opened.answer = listening.SerializeAsString();
    }
    auto [ours, theirs] = stream::make_pair(executor_);
    opened.stream = std::move(ours);
    asked.push_back({.request = std::move(request), .id = opened.id, .stream = std::move(theirs)});
    changed_.notify();
    return opened;
  }

  asio::any_io_executor executor_;
  base::Notify changed_;
  OnOpen on_open_;
  std::shared_ptr<Line> line_;
  mux::StreamId last_id_ = 0;
};

inline awaitable<std::string> read_all(stream::Stream& stream) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      co_return n ? text : text + "(" + n.error().message + ")";
    }
    text.append(buffer, *n);
  }
}

}  // namespace rdev::tunnels
