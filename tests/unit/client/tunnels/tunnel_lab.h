#pragma once

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "client/tunnels/bind.h"
#include "client/tunnels/local_tunnel.h"
#include "client/tunnels/spec.h"
#include "client/tunnels/tunnel_set.h"
#include "protocol/base/task_group.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/tunnels/fake_agent.h"

namespace rdev::tunnels {

using asio::ip::tcp;
using std::chrono::milliseconds;
using testing::HasSubstr;

inline Tunnel local(const std::string& spec) { return *parse_spec(Tunnel::LOCAL, spec); }
inline Tunnel remote(const std::string& spec) { return *parse_spec(Tunnel::REMOTE, spec); }

// Tunnels over a link to a fake agent.
class Tunnels : public testing::Test {
 protected:
  // Runs `test` beside the link, and ends everything.
  void run(awaitable<void> test) { test::run(context_, around(std::move(test))); }

  awaitable<void> around(awaitable<void> test) {
    tasks_.spawn("link", keep());
    co_await std::move(test);
    co_await set_.stop();
    tasks_.cancel();
    co_await tasks_.wait();
  }
  awaitable<void> keep() { (void)co_await link_.run(); }

  static tcp::endpoint at(const TunnelState& state) {
    return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(state.bound_port())};
  }
  awaitable<tcp::socket> connect(tcp::endpoint endpoint) {
    tcp::socket socket(context_);
    const auto [error] = co_await socket.async_connect(endpoint, use_tuple);
    EXPECT_FALSE(error) << error.message();
    co_return socket;
  }
  // What it has sent when it ends, and how it ends.
  template <class Socket>
  awaitable<std::string> read_to_end(Socket& socket) {
    std::string text;
    const auto [error, n] =
        co_await asio::async_read(socket, asio::dynamic_buffer(text), use_tuple);
    co_return error == asio::error::eof ? text : text + "(" + error.message() + ")";
  }
  // The agent's service: sends back what comes.
  static awaitable<void> echo(std::unique_ptr<stream::Stream> stream) {
    const std::string text = co_await read_all(*stream);
    (void)co_await stream->write(asio::buffer(text));
  }
  template <class Socket>
  awaitable<void> talk(Socket& socket) {
    const std::string text = "hello";
    (void)co_await asio::async_write(socket, asio::buffer(text), use_tuple);
    socket.shutdown(asio::socket_base::shutdown_send);
    EXPECT_EQ(co_await read_to_end(socket), "hello");
  }
  awaitable<void> serve_one() { co_await echo((co_await agent_.next()).stream); }
  // Until the state of the only tunnel is as wanted.
  template <class Condition>
  awaitable<void> until(Condition condition) {
    while (!condition(set_.states().at(0))) {
      co_await asio::post(context_, asio::use_awaitable);
    }
  }

  asio::io_context context_{1};
  FakeAgent agent_{context_.get_executor()};
  SharedLink link_{context_.get_executor(), agent_.connect(),
                   SharedLinkOptions{.patience = milliseconds(2000),
                                     .first_pause = milliseconds(5),
                                     .longest_pause = milliseconds(20),
                                     .first_limit = milliseconds(50)}};
  TunnelSet set_{context_.get_executor(), link_, "train"};
  base::TaskGroup tasks_{context_.get_executor()};
  test::TempDir dir_;
};

}  // namespace rdev::tunnels
