#include "agent/services/forwards.h"

#include <gmock/gmock.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "tests/unit/agent/temporary.h"
#include "tests/unit/run.h"

namespace rdev::services {
namespace {

using tcp = asio::ip::tcp;
using testing::HasSubstr;

template <class Socket>
awaitable<std::string> read_all(Socket& from) {
  std::string text;
  co_await asio::async_read(from, asio::dynamic_buffer(text), use_tuple);
  co_return text;
}

template <class Socket>
awaitable<bool> write_all(Socket& to, std::string_view text) {
  const auto [error, n] = co_await asio::async_write(to, asio::buffer(text), use_tuple);
  co_return !error;
}

// A TCP server of one connection, and the asking side of one forward.
class Forward : public testing::Test {
 protected:
  ~Forward() override {
    peer_.reset();
    tasks_.cancel();
    finish();
  }

  std::unique_ptr<stream::Offer> make_offer() {
    return std::make_unique<stream::FakeOffer>(context_.get_executor(), answer_);
  }
  void ask(awaitable<void> forward) {
    tasks_.spawn("forward", std::move(forward));
    test::run(context_, answered());
    peer_ = std::move(answer_->peer);
  }
  void offer(ForwardTarget target) {
    answer_ = std::make_shared<stream::Answer>(context_.get_executor());
    ask(forwards_.serve(std::move(target), make_offer()));
  }
  void connect(const std::string& host) {
    offer({.host = host, .port = acceptor_.local_endpoint().port()});
    ASSERT_TRUE(peer_) << answer_->refused->second;
    server_ = acceptor_.accept();
  }
  std::string peer_reads() { return test::run(context_, read_peer()); }
  std::string server_reads() { return test::run(context_, read_all(server_)); }
  void peer_writes(std::string_view text) { test::run(context_, write_peer(text)); }
  void server_writes(std::string_view text) { test::run(context_, write_all(server_, text)); }
  void finish() { test::run(context_, drain()); }

  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  tcp::socket server_{context_};
  Forwards forwards_{context_.get_executor(), {}, std::chrono::milliseconds(300)};
  base::TaskGroup tasks_{context_.get_executor()};
  std::shared_ptr<stream::Answer> answer_;
  std::unique_ptr<stream::Stream> peer_;

  awaitable<bool> answered() {
    co_await answer_->wait();
    co_return true;
  }

 private:
  awaitable<bool> drain() {
    co_await tasks_.wait();
    co_return true;
  }
  awaitable<std::string> read_peer() {
    std::string text;
    char buffer[4096];
    for (;;) {
      const auto n = co_await peer_->read(asio::buffer(buffer));
      if (!n || *n == 0) {
        co_return text;
      }
      text.append(buffer, *n);
    }
  }
  awaitable<bool> write_peer(std::string_view text) {
    const auto written = co_await peer_->write(asio::buffer(text));
    co_return written.has_value();
  }
};

TEST_F(Forward, WhatTheConfigurationDeniesIsRefused) {
  Forwards none(context_.get_executor(), {.local_tcp = true, .unix_sockets = true});
  answer_ = std::make_shared<stream::Answer>(context_.get_executor());
  ask(none.serve({.host = "127.0.0.1", .port = acceptor_.local_endpoint().port()}, make_offer()));
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->first, stream::Refusal::kProhibited);
  EXPECT_THAT(answer_->refused->second, HasSubstr("denies connections to TCP servers"));
  answer_ = std::make_shared<stream::Answer>(context_.get_executor());
  ask(none.serve_unix("/run/socket", make_offer()));
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->first, stream::Refusal::kProhibited);
  EXPECT_THAT(answer_->refused->second, HasSubstr("denies connections to unix sockets"));
}

TEST_F(Forward, EachDirectionEndsByItself) {
  connect("127.0.0.1");
  peer_writes("question");
  peer_->write_eof();
  EXPECT_EQ(server_reads(), "question");
  server_writes("answer");
  server_.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(peer_reads(), "answer");
  finish();
}

TEST_F(Forward, ServerMayEndFirst) {
  connect("127.0.0.1");
  server_writes("hello");
  server_.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(peer_reads(), "hello");
  peer_writes("goodbye");
  peer_->write_eof();
  EXPECT_EQ(server_reads(), "goodbye");
  finish();
}

TEST_F(Forward, LocalhostNeedsNoHostsFile) {
  connect("localhost");
  peer_->close();
  EXPECT_EQ(server_reads(), "");
}

TEST_F(Forward, LooksUpNames) {
  offer({.host = "name.invalid", .port = 1});
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->first, stream::Refusal::kConnectFailed);
  // Without a DNS server the lookup may time out instead.
  EXPECT_THAT(answer_->refused->second,
              testing::AnyOf(HasSubstr("cannot resolve name.invalid"), HasSubstr("took longer")));
}

TEST_F(Forward, RefusedConnectionIsARefusal) {
  const auto port = acceptor_.local_endpoint().port();
  acceptor_.close();
  offer({.host = "127.0.0.1", .port = port});
  ASSERT_TRUE(answer_->refused);
  EXPECT_EQ(answer_->refused->first, stream::Refusal::kConnectFailed);
  EXPECT_EQ(answer_->refused->second,
            "cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_F(Forward, PeersCloseEndsIt) {
  connect("127.0.0.1");
  peer_writes("last words");
  peer_->close();
  EXPECT_EQ(server_reads(), "last words");
  finish();
}

TEST_F(Forward, ServersResetEndsIt) {
  connect("127.0.0.1");
  server_.set_option(asio::socket_base::linger(true, 0));
  server_.close();
  EXPECT_EQ(peer_reads(), "");
  finish();
}

TEST_F(Forward, ServerThatAnswersEarlyIsHeard) {
  connect("127.0.0.1");
  server_.shutdown(tcp::socket::shutdown_receive);  // takes no more of the question
  peer_writes(std::string(60'000, 'q'));
  server_writes(std::string(40'000, 'a'));
  server_.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(peer_reads().size(), 40'000U);
}

awaitable<void> write_and_end(stream::Stream& to, const std::string& text) {
  (void)co_await to.write(asio::buffer(text));
  to.write_eof();
}

TEST_F(Forward, CarriesBulk) {
  connect("127.0.0.1");
  const std::string bulk(5'000'000, 'x');
  tasks_.spawn("writer", write_and_end(*peer_, bulk));
  EXPECT_EQ(server_reads(), bulk);
}

// A server on a unix socket.
class UnixForward : public Forward {
 protected:
  using local = asio::local::stream_protocol;

  void connect_path() {
    offer_path(path_);
    ASSERT_TRUE(peer_) << answer_->refused->second;
    unix_server_ = unix_acceptor_.accept();
  }
  void offer_path(const std::string& path) {
    answer_ = std::make_shared<stream::Answer>(context_.get_executor());
    ask(forwards_.serve_unix(path, make_offer()));
  }
  std::string refusal(const std::string& path) {
    offer_path(path);
    EXPECT_TRUE(answer_->refused);
    return answer_->refused ? answer_->refused->second : "";
  }

  test::Temporary directory_;
  std::string path_ = (directory_ / "server.sock").string();
  local::acceptor unix_acceptor_{context_, local::endpoint(path_)};
  local::socket unix_server_{context_};
};

TEST_F(UnixForward, EachDirectionEndsByItself) {
  connect_path();
  peer_writes("question");
  peer_->write_eof();
  EXPECT_EQ(test::run(context_, read_all(unix_server_)), "question");
  EXPECT_TRUE(test::run(context_, write_all(unix_server_, "answer")));
  unix_server_.shutdown(local::socket::shutdown_send);
  EXPECT_EQ(peer_reads(), "answer");
  finish();
}

TEST_F(UnixForward, ServerThatReadsNoMoreIsHeard) {
  connect_path();
  unix_server_.shutdown(local::socket::shutdown_receive);
  peer_writes("question");  // EPIPE
  EXPECT_TRUE(test::run(context_, write_all(unix_server_, "answer")));
  unix_server_.close();
  EXPECT_EQ(peer_reads(), "answer");
  finish();
}

TEST_F(UnixForward, PeersCloseEndsIt) {
  connect_path();
  peer_writes("last words");
  peer_->close();
  EXPECT_EQ(test::run(context_, read_all(unix_server_)), "last words");
  finish();
}

TEST_F(UnixForward, RefusalsAreSentences) {
  unix_acceptor_.close();
  EXPECT_EQ(refusal(path_), "cannot connect to " + path_ + ": Connection refused");
  EXPECT_THAT(refusal("/no/such.sock"), HasSubstr("/no/such.sock: No such file"));
  EXPECT_THAT(refusal("relative.sock"), HasSubstr("absolute path"));
  EXPECT_THAT(refusal("/" + std::string(107, 'x')), HasSubstr("107 bytes"));
  EXPECT_THAT(refusal(std::string("/a\0b", 4)), HasSubstr("absolute path"));
}

TEST_F(UnixForward, WaitsForRoomInAFullBacklog) {
  ASSERT_EQ(::listen(unix_acceptor_.native_handle(), 0), 0);  // takes one
  local::socket first(context_);
  first.connect(local::endpoint(path_));
  answer_ = std::make_shared<stream::Answer>(context_.get_executor());
  tasks_.spawn("forward", forwards_.serve_unix(path_, make_offer()));
  context_.restart();
  context_.poll();
  EXPECT_FALSE(answer_->answered());
  unix_server_ = unix_acceptor_.accept();
  test::run(context_, answered());
  EXPECT_TRUE(answer_->peer);
  peer_ = std::move(answer_->peer);
}

TEST_F(UnixForward, GivesUpOnABacklogThatStaysFull) {
  ASSERT_EQ(::listen(unix_acceptor_.native_handle(), 0), 0);
  local::socket first(context_);
  first.connect(local::endpoint(path_));
  EXPECT_THAT(refusal(path_), HasSubstr("took longer than 0.3 s"));
}

}  // namespace
}  // namespace rdev::services
