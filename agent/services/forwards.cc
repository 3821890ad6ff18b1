#include "agent/services/forwards.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>

#include "agent/services/join.h"
#include "protocol/base/with_timeout.h"

namespace rdev::services {
namespace {

using asio::ip::tcp;
using Connected = Result<base::Fd>;

constexpr std::size_t kMaxPath = 107;  // of sockaddr_un
// A non-blocking connect(2) fails when the backlog of a unix socket is full, and nothing tells of
// room in it.
constexpr std::chrono::milliseconds kFullBacklog{20};

std::string text(const ForwardTarget& target) {
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? '[' + target.host + ']' : target.host) + ':' + std::to_string(target.port);
}

template <class Socket>
Connected take(Socket& socket) {
  boost::system::error_code error;
  base::Fd fd(socket.release(error));
  if (error) {
    return fail(Code::kFailed, "cannot use the connection: " + error.message());
  }
  return fd;
}

awaitable<Connected> connect(Resolver& resolver, const ForwardTarget& target) {
  const auto executor = co_await asio::this_coro::executor;
  const auto addresses = co_await resolver.resolve(target.host);
  if (!addresses) {
    co_return tl::make_unexpected(addresses.error());
  }
  std::string why = "no address";
  for (const asio::ip::address& address : *addresses) {
    tcp::socket socket(executor);
    const tcp::endpoint endpoint(address, target.port);
    const auto [error] = co_await socket.async_connect(endpoint, use_tuple);
    if (!error) {
      // Forwards carry keystrokes and RPCs as well as bulk.
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      co_return take(socket);
    }
    why = error.message();
  }
  co_return fail(Code::kUnavailable, "cannot connect to " + text(target) + ": " + why);
}

awaitable<Connected> connect_path(const std::string& path) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos || path.size() > kMaxPath) {
    co_return fail(Code::kUsage, "cannot connect to \"" + path +
                                     "\": a unix socket is named by its absolute path of at most " +
                                     std::to_string(kMaxPath) + " bytes");
  }
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, kMaxPath);
  base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) {
    co_return fail_errno("cannot make a socket");
  }
  asio::steady_timer pause(co_await asio::this_coro::executor);
  // Not Asio's connect, which takes a full backlog for a connection that is under way.
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
         0) {
    if (errno != EAGAIN) {
      co_return fail_errno("cannot connect to " + path);
    }
    pause.expires_after(kFullBacklog);
    co_await pause.async_wait(use_tuple);
  }
  co_return socket;
}

awaitable<void> serve_socket(Connected socket, std::unique_ptr<stream::Offer> offer) {
  if (!socket) {
    offer->refuse(stream::Refusal::kConnectFailed, socket.error().message);
    co_return;
  }
  auto stream = offer->accept();
  co_await join(std::move(stream), *std::move(socket));
}

}  // namespace

awaitable<void> Forwards::serve(ForwardTarget target, std::unique_ptr<stream::Offer> offer) {
  if (denials_.local_tcp) {
    co_return offer->refuse(stream::Refusal::kProhibited,
                            "the job's configuration denies connections to TCP servers");
  }
  auto socket = co_await base::with_timeout(connect(resolver_, target), timeout_,
                                            "connecting to " + text(target));
  co_await serve_socket(std::move(socket), std::move(offer));
}

awaitable<void> Forwards::serve_unix(std::string path, std::unique_ptr<stream::Offer> offer) {
  if (denials_.unix_sockets) {
    co_return offer->refuse(stream::Refusal::kProhibited,
                            "the job's configuration denies connections to unix sockets");
  }
  auto socket = co_await base::with_timeout(connect_path(path), timeout_, "connecting to " + path);
  co_await serve_socket(std::move(socket), std::move(offer));
}

}  // namespace rdev::services
