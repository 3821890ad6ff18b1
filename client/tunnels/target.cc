#include "client/tunnels/target.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>
#include <vector>

#include "client/tunnels/spec.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;

tl::unexpected<Error> no_target(const Tunnel& tunnel, const boost::system::error_code& error) {
  return fail(Code::kUnavailable,
              "cannot connect to " + target_text(tunnel) + " on the laptop: " + error.message());
}

awaitable<Result<base::Fd>> connect_path(Tunnel tunnel) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  const asio::local::stream_protocol::endpoint endpoint(tunnel.target_path());
  const auto [error] = co_await socket.async_connect(endpoint, use_tuple);
  if (error) {
    co_return no_target(tunnel, error);
  }
  co_return base::Fd(socket.release());
}

}  // namespace

awaitable<Result<base::Fd>> connect_target(Tunnel tunnel) {
  if (!tunnel.target_path().empty()) {
    co_return co_await connect_path(std::move(tunnel));
  }
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto [unknown, found] = co_await resolver.async_resolve(
      tunnel.target_host(), std::to_string(tunnel.target_port()), use_tuple);
  if (unknown) {
    co_return no_target(tunnel, unknown);
  }
  tcp::socket socket(executor);
  const auto [error, endpoint] = co_await asio::async_connect(socket, found, use_tuple);
  if (error) {
    co_return no_target(tunnel, error);
  }
  boost::system::error_code slower;  // without it a keystroke waits for an acknowledgement
  socket.set_option(tcp::no_delay(true), slower);
  co_return base::Fd(socket.release());
}

}  // namespace rdev::tunnels
