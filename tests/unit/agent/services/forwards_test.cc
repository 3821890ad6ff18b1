#include "agent/services/forwards.h"

#include <gmock/gmock.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "tests/unit/agent/run.h"

namespace rdev::services {
namespace {

using tcp = asio::ip::tcp;
using testing::HasSubstr;

// A TCP server of one connection, and the asking side of one forward.
class Forward : public testing::Test {
 protected:
  ~Forward() override {
    peer_.reset();
    tasks_.cancel();
    finish();
  }

  void offer(ForwardTarget target) {
    answer_ = std::make_shared<stream::Answer>(context_.get_executor());
    tasks_.spawn("forward",
                 forwards_.serve(std::move(target), std::make_unique<stream::FakeOffer>(
                                                        context_.get_executor(), answer_)));
    test::run(context_, answered());
    peer_ = std::move(answer_->peer);
  }
  void connect(const std::string& host) {
    offer({.host = host, .port = acceptor_.local_endpoint().port()});
    ASSERT_TRUE(peer_) << answer_->refused->second;
    server_ = acceptor_.accept();
  }
  std::string peer_reads() { return test::run(context_, read_peer()); }
  std::string server_reads() { return test::run(context_, read_server()); }
  void peer_writes(std::string_view text) { test::run(context_, write_peer(text)); }
  void server_writes(std::string_view text) { test::run(context_, write_server(text)); }
  void finish() { test::run(context_, drain()); }

  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  tcp::socket server_{context_};
  Forwards forwards_{context_.get_executor(), std::chrono::milliseconds(300)};
  base::TaskGroup tasks_{context_.get_executor()};
  std::shared_ptr<stream::Answer> answer_;
  std::unique_ptr<stream::Stream> peer_;

 private:
  awaitable<bool> answered() {
    co_await answer_->wait();
    co_return true;
  }
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
  awaitable<std::string> read_server() {
    std::string text;
    co_await asio::async_read(server_, asio::dynamic_buffer(text), use_tuple);
    co_return text;
  }
  awaitable<bool> write_peer(std::string_view text) {
    const auto written = co_await peer_->write(asio::buffer(text));
    co_return written.has_value();
  }
  awaitable<bool> write_server(std::string_view text) {
    const auto [error, n] = co_await asio::async_write(server_, asio::buffer(text), use_tuple);
    co_return !error;
  }
};

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

}  // namespace
}  // namespace rdev::services
