#include "agent/services/join.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "agent/services/pump.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::services {
namespace {

using local = asio::local::stream_protocol;

awaitable<bool> empty(base::TaskGroup& tasks) {
  co_await tasks.wait();
  co_return true;
}

awaitable<std::string> read_stream(stream::Stream& from) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto n = co_await from.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      co_return text;
    }
    text.append(buffer, *n);
  }
}

awaitable<void> fill(stream::Stream& to, std::string text) {
  (void)co_await to.write(asio::buffer(text));
  to.write_eof();
}

awaitable<std::string> read_all(local::socket& from) {
  std::string text;
  co_await asio::async_read(from, asio::dynamic_buffer(text), use_tuple);
  co_return text;
}

// One end of a socket pair joined to one end of a stream.
class JoinTest : public testing::Test {
 protected:
  JoinTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    socket_.assign(local(), ends[0]);
    auto [ours, theirs] = stream::make_pair(context_.get_executor());
    stream_ = std::move(ours);
    tasks_.spawn("join", join(std::move(theirs), base::Fd(ends[1])));
  }
  ~JoinTest() override {
    tasks_.cancel();
    ended();
  }
  void ended() { EXPECT_TRUE(test::run(context_, empty(tasks_))); }

  asio::io_context context_;
  local::socket socket_{context_};
  std::unique_ptr<stream::Stream> stream_;
  base::TaskGroup tasks_{context_.get_executor()};
};

TEST_F(JoinTest, CarriesBulkBothWaysAtOnce) {
  const std::string bulk(3'000'000, 'x'), answer(2'000'000, 'y');
  tasks_.spawn("fill", fill(*stream_, bulk));
  EXPECT_EQ(test::run(context_, read_all(socket_)), bulk);
  asio::async_write(socket_, asio::buffer(answer),
                    [this](auto, auto) { socket_.shutdown(local::socket::shutdown_send); });
  EXPECT_EQ(test::run(context_, read_stream(*stream_)), answer);
  ended();
}

TEST_F(JoinTest, StreamsCloseClosesTheSocket) {
  stream_->close();
  EXPECT_EQ(test::run(context_, read_all(socket_)), "");
  ended();
}

TEST_F(JoinTest, SocketsEndIsHalfAClose) {
  socket_.shutdown(local::socket::shutdown_send);
  EXPECT_EQ(test::run(context_, read_stream(*stream_)), "");
  tasks_.spawn("fill", fill(*stream_, "more"));
  EXPECT_EQ(test::run(context_, read_all(socket_)), "more");
  ended();
}

TEST_F(JoinTest, SocketThatWritesToAPeerWhoWentIsClosedInTheEnd) {
  tasks_.spawn("fill", fill(*stream_, "last words"));
  EXPECT_EQ(test::run(context_, read_all(socket_)), "last words");
  stream_.reset();
  const std::string unread(1'000'000, 'x');
  asio::async_write(socket_, asio::buffer(unread), [](auto, auto) {});
  ended();
}

TEST_F(JoinTest, WhatASocketThatWentDoesNotTakeIsDropped) {
  const std::string bulk(3'000'000, 'x');
  asio::async_write(socket_, asio::buffer(bulk), [](auto, auto) {});
  context_.poll();  // as far as it goes: nobody reads the stream yet
  socket_.close();
  test::run(context_, fill(*stream_, bulk));
  EXPECT_LT(test::run(context_, read_stream(*stream_)).size(), bulk.size());
  stream_.reset();
  ended();
}

TEST(PumpBuffer, FollowsTheTraffic) {
  PumpBuffer buffer(PumpBuffer::kForWrites);
  const auto size_after = [&](std::size_t n) {
    (void)buffer.filled(n);
    return buffer.space().size();
  };
  EXPECT_EQ(buffer.space().size(), PumpBuffer::kSmallest);
  EXPECT_EQ(size_after(PumpBuffer::kSmallest), 4 * PumpBuffer::kSmallest);
  EXPECT_EQ(size_after(4 * PumpBuffer::kSmallest), PumpBuffer::kForWrites);
  EXPECT_EQ(size_after(PumpBuffer::kForWrites), PumpBuffer::kForWrites);
  EXPECT_EQ(size_after(PumpBuffer::kForWrites / 2), PumpBuffer::kForWrites);
  EXPECT_EQ(size_after(1), 4 * PumpBuffer::kSmallest);
  EXPECT_EQ(size_after(1), PumpBuffer::kSmallest);
  EXPECT_EQ(size_after(1), PumpBuffer::kSmallest);
}

}  // namespace
}  // namespace rdev::services
