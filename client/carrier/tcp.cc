#include "client/carrier/tcp.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace rdev::carrier {

awaitable<Result<base::Fd>> connect_tcp(std::string host, std::string port) {
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  auto [resolve_error, found] = co_await resolver.async_resolve(host, port, use_tuple);
  if (resolve_error) {
    co_return fail(Code::kUnavailable, host + ": " + resolve_error.message());
  }
  asio::ip::tcp::socket socket(executor);
  auto [error, endpoint] = co_await asio::async_connect(socket, found, use_tuple);
  if (error) {
    co_return fail(Code::kUnavailable, host + " port " + port + ": " + error.message());
  }
  boost::system::error_code ignored;  // only a matter of speed
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return base::Fd(socket.release());
}

}  // namespace rdev::carrier
