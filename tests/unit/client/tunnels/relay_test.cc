#include "client/tunnels/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "protocol/base/task_group.h"
#include "tests/unit/client/tunnels/fake_agent.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;

class Relay : public testing::Test {
 protected:
  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  Relay() {
    tcp::acceptor acceptor(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    client_.connect(acceptor.local_endpoint());
    Socket accepted = adopt(context_.get_executor(), base::Fd(acceptor.accept().release()));
    auto [ours, theirs] = stream::make_pair(context_.get_executor());
    agent_ = std::move(theirs);
    tasks_.spawn("relay", relay(std::move(accepted), std::move(ours), traffic_));
  }

  awaitable<void> send(const std::string& text) {
    EXPECT_TRUE(co_await agent_->write(asio::buffer(text)));
    agent_->write_eof();
  }
  awaitable<void> receive(std::string& text) { text = co_await read_all(*agent_); }
  awaitable<void> ended() {
    co_await tasks_.wait();
    EXPECT_EQ(traffic_.connections, 0U);
  }

  asio::io_context context_{1};
  tcp::socket client_{context_};
  std::unique_ptr<stream::Stream> agent_;
  Traffic traffic_;
  base::TaskGroup tasks_{context_.get_executor()};
};

awaitable<void> write(tcp::socket& socket, const std::string& text, bool end) {
  const auto [error, n] = co_await asio::async_write(socket, asio::buffer(text), use_tuple);
  EXPECT_FALSE(error) << error.message();
  if (end) {
    socket.shutdown(tcp::socket::shutdown_send);
  }
}

// And how it ended.
awaitable<std::string> read_to_end(tcp::socket& socket) {
  std::string text;
  const auto [error, n] = co_await asio::async_read(socket, asio::dynamic_buffer(text), use_tuple);
  co_return error == asio::error::eof ? text : text + "(" + error.message() + ")";
}

CO_TEST_F(Relay, PassesAHalfCloseOfTheClientOn) {
  co_await write(client_, "request", true);
  EXPECT_EQ(co_await read_all(*agent_), "request");
  const std::string reply = "reply";
  EXPECT_TRUE(co_await agent_->write(asio::buffer(reply)));
  agent_->write_eof();
  EXPECT_EQ(co_await read_to_end(client_), "reply");
  co_await ended();
  EXPECT_EQ(traffic_.out, 7U);
  EXPECT_EQ(traffic_.in, 5U);
}

CO_TEST_F(Relay, PassesAHalfCloseOfTheServerOn) {
  const std::string greeting = "greeting";
  EXPECT_TRUE(co_await agent_->write(asio::buffer(greeting)));
  agent_->write_eof();
  EXPECT_EQ(co_await read_to_end(client_), "greeting");
  co_await write(client_, "late answer", true);
  EXPECT_EQ(co_await read_all(*agent_), "late answer");
  co_await ended();
}

CO_TEST_F(Relay, CarriesMuchBothWaysAtOnce) {
  std::string much;
  much.resize(10'000'019);
  for (std::size_t i = 0; i < much.size(); ++i) {
    much[i] = static_cast<char>(i * 2654435761U >> 13U);
  }
  base::TaskGroup writers(context_.get_executor());
  writers.spawn("client", write(client_, much, true));
  writers.spawn("agent", send(much));
  std::string at_agent;
  writers.spawn("agent reads", receive(at_agent));
  const bool same = co_await read_to_end(client_) == much;
  EXPECT_TRUE(same);
  co_await writers.wait();
  EXPECT_TRUE(at_agent == much);
  co_await ended();
  EXPECT_EQ(traffic_.in, much.size());
  EXPECT_EQ(traffic_.out, much.size());
}

// A stream whose link is lost: reads and writes fail.
class LostStream final : public stream::Stream {
 public:
  explicit LostStream(const asio::any_io_executor& executor) : changed_(executor) {}
  awaitable<Result<std::size_t>> read(asio::mutable_buffer, stream::Lane) override {
    co_await changed_.wait();
    co_return fail(Code::kClosed, "lost");
  }
  awaitable<Result<void>> write(asio::const_buffer, stream::Lane) override {
    co_return fail(Code::kClosed, "lost");
  }
  void write_eof() override {}
  awaitable<Result<stream::Event>> read_event() override { co_return fail(Code::kClosed, "lost"); }
  void send_event(stream::Event) override {}
  void close() override {}
  void lose() { changed_.notify(); }

 private:
  base::Notify changed_;
};

CO_TEST_F(Relay, BreaksTheSocketWhenTheStreamIsLost) {
  tcp::acceptor acceptor(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket client(context_);
  client.connect(acceptor.local_endpoint());
  auto lost = std::make_unique<LostStream>(context_.get_executor());
  LostStream& stream = *lost;
  base::TaskGroup tasks(context_.get_executor());
  Socket accepted = adopt(context_.get_executor(), base::Fd(acceptor.accept().release()));
  tasks.spawn("relay", relay(std::move(accepted), std::move(lost), traffic_));
  co_await asio::post(context_, asio::use_awaitable);
  stream.lose();
  EXPECT_EQ(co_await read_to_end(client), "(Connection reset by peer)");
  co_await tasks.wait();
  agent_.reset();
  client_.close();
  co_await ended();
}

CO_TEST_F(Relay, EndsWhenTheClientBreaksOff) {
  client_.set_option(asio::socket_base::linger(true, 0));
  client_.close();
  EXPECT_EQ(co_await read_all(*agent_), "");
  co_await ended();
}

CO_TEST_F(Relay, EndsWhenTheAgentHasClosedAndTheClientGoesOnWriting) {
  const std::string last = "last words";
  EXPECT_TRUE(co_await agent_->write(asio::buffer(last)));
  agent_.reset();
  EXPECT_EQ(co_await read_to_end(client_), "last words");
  co_await write(client_, "more", false);
  co_await ended();
}

CO_TEST_F(Relay, IsCancelled) {
  tasks_.cancel();
  co_await ended();
  EXPECT_EQ(co_await read_to_end(client_), "(Connection reset by peer)");
  EXPECT_EQ(co_await read_all(*agent_), "");
}

}  // namespace
}  // namespace rdev::tunnels
