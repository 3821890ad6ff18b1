#include "client/tunnels/socks_client.h"

#include <boost/asio/write.hpp>

namespace rdev::tunnels {

awaitable<Result<void>> say(Socket& socket, std::string answer) {
  const auto [error, written] = co_await asio::async_write(socket, asio::buffer(answer), use_tuple);
  if (error) {
    co_return fail(Code::kClosed, "the SOCKS client went: " + error.message());
  }
  co_return Result<void>{};
}

awaitable<Result<Socks::Target>> ask_target(Socket& socket, Socks& socks) {
  char buffer[Socks::kMost];
  for (;;) {
    const auto [error, n] = co_await socket.async_read_some(asio::buffer(buffer), use_tuple);
    if (error) {
      co_return fail(Code::kClosed, "the SOCKS client went before it said where to");
    }
    auto target = socks.feed({buffer, n});
    if (auto said = co_await say(socket, socks.answer()); !said) {
      co_return tl::make_unexpected(said.error());
    }
    if (!target) {
      co_return tl::make_unexpected(target.error());
    }
    if (*target) {
      co_return **target;
    }
  }
}

}  // namespace rdev::tunnels
