#include "agent/services/listeners.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "agent/services/join.h"
#include "protocol/base/closing.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"
#include "protocol/base/notify.h"

namespace rdev::services {
namespace {

using asio::ip::address_v4, asio::ip::address_v6, asio::ip::tcp;

constexpr int kPortTries = 16;

Originator originator_of(int socket) {
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getpeername(socket, endpoint.data(), &size) != 0 ||
      (endpoint.data()->sa_family != AF_INET && endpoint.data()->sa_family != AF_INET6)) {
    return {};
  }
  endpoint.resize(size);
  return {.host = endpoint.address().to_string(), .port = endpoint.port()};
}

Result<Bound> bind_path(const std::string& path) {
  if (!path.starts_with('/')) {
    return fail(Code::kUsage,
                "cannot listen on \"" + path + "\": a unix socket is named by its absolute path");
  }
  auto listener = base::UnixListener::open(path);
  if (!listener) {
    return tl::make_unexpected(listener.error());
  }
  Bound bound;
  bound.unix_sockets.push_back(*std::move(listener));
  return bound;
}

// All addresses at one port; one that this machine does not have counts only when it has none of
// the others either.
Result<Bound> bind_addresses(const std::vector<asio::ip::address>& addresses, std::uint16_t port) {
  Bound bound{.port = port};
  Error absent;
  for (const asio::ip::address& address : addresses) {
    auto socket = base::listen_tcp({address, bound.port});
    if (socket) {
      bound.port = base::local_endpoint(socket->get()).port();
      bound.tcp.push_back(*std::move(socket));
    } else if (socket.error().code == Code::kUnavailable) {
      absent = socket.error();
    } else {
      return tl::make_unexpected(socket.error());
    }
  }
  return bound.tcp.empty() ? Result<Bound>(tl::make_unexpected(absent)) : std::move(bound);
}

Result<Bound> bind_tcp(const std::vector<asio::ip::address>& addresses, std::uint16_t port) {
  // A port that the kernel chose for the first address may be taken at the second.
  for (int tries = 1;; ++tries) {
    auto bound = bind_addresses(addresses, port);
    if (bound || port != 0 || bound.error().code != Code::kExists || tries == kPortTries) {
      return bound;
    }
  }
}

// The peer closes, or ends its side: then it waits for our end, to know that the place is free.
awaitable<void> follow(stream::Stream& stream, bool& ended, base::Notify& changed) {
  char ignored[256];
  for (bool more = true; more;) {
    const auto n = co_await stream.read(asio::buffer(ignored));
    more = n && *n > 0;
  }
  ended = true;
  changed.notify();
}

// Connections on their way to a stream.
class Acceptor final {
 public:
  Acceptor(const asio::any_io_executor& executor, OpenBack open_back, base::TaskGroup& connections)
      : open_back_(std::move(open_back)),
        connections_(connections),
        room_(executor),
        tasks_(executor) {}

  void listen(int socket) {
    tasks_.spawn("listening", base::accept_loop(socket, std::bind_front(&Acceptor::take, this),
                                                std::bind_front(&Acceptor::room, this)));
  }
  awaitable<void> stop() {
    tasks_.cancel();
    co_await tasks_.wait();
  }

 private:
  void take(base::Fd socket) {
    ++waiting_;
    tasks_.spawn("opening back", open(std::move(socket)));
  }
  awaitable<void> open(base::Fd socket) {
    // Until it is joined: without a target there must not be an empty answer.
    base::set_closing(socket.get(), base::Closing::kBreak);
    const Originator originator = originator_of(socket.get());
    auto stream = co_await open_back_(originator);
    if (stream) {
      connections_.spawn("connection", join(*std::move(stream), std::move(socket)));
    } else {
      base::log_info("a connection was not taken", {{"why", stream.error().message}});
    }
    --waiting_;
    room_.notify();
  }
  awaitable<void> room() {
    while (waiting_ >= Listeners::kMaxWaiting) {
      co_await room_.wait();
    }
  }

  const OpenBack open_back_;
  base::TaskGroup& connections_;
  base::Notify room_;
  base::TaskGroup tasks_;
  std::size_t waiting_ = 0;
};

}  // namespace

awaitable<Result<Bound>> Listeners::bind(ListenTarget target) {
  if (target.path.empty() ? denials_.remote_tcp : denials_.unix_sockets) {
    co_return fail(Code::kPermission, std::string("the job's configuration denies listening on ") +
                                          (target.path.empty() ? "TCP ports" : "unix sockets") +
                                          " of the job");
  }
  if (!target.path.empty()) {
    co_return bind_path(target.path);
  }
  std::vector<asio::ip::address> addresses;
  if (target.host.empty()) {
    addresses = {address_v4::loopback(), address_v6::loopback()};
  } else if (target.host == "*") {
    addresses = {address_v4::any(), address_v6::any()};
  } else {
    auto found = co_await resolver_.resolve(target.host);
    if (!found) {
      co_return tl::make_unexpected(found.error());
    }
    addresses = *std::move(found);
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  }
  co_return bind_tcp(addresses, target.port);
}

awaitable<void> Listeners::accept(const Bound& bound, OpenBack open_back) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto executor = co_await asio::this_coro::executor;
  Acceptor acceptor(executor, std::move(open_back), connections_);
  for (const base::Fd& socket : bound.tcp) {
    acceptor.listen(socket.get());
  }
  for (const base::UnixListener& listener : bound.unix_sockets) {
    acceptor.listen(listener.fd());
  }
  base::Notify cancelled(executor);
  while ((co_await asio::this_coro::cancellation_state).cancelled() ==
         asio::cancellation_type::none) {
    co_await cancelled.wait();
  }
  co_await acceptor.stop();
}

awaitable<void> Listeners::serve(ListenTarget target, std::unique_ptr<ListenPeer> peer) {
  auto bound = co_await bind(std::move(target));
  if (!bound) {
    peer->refuse(bound.error().code == Code::kPermission ? stream::Refusal::kProhibited
                                                         : stream::Refusal::kConnectFailed,
                 bound.error().message);
    co_return;
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto executor = co_await asio::this_coro::executor;
  const auto stream = peer->bound(bound->port);
  base::TaskGroup tasks(executor);
  base::Notify changed(executor);
  bool ended = false;
  tasks.spawn("listening", accept(*bound, std::bind_front(&ListenPeer::open, peer.get())));
  tasks.spawn("listening's end", follow(*stream, ended, changed));
  while (!ended && (co_await asio::this_coro::cancellation_state).cancelled() ==
                       asio::cancellation_type::none) {
    co_await changed.wait();
  }
  tasks.cancel();
  co_await tasks.wait();
  *bound = {};
  stream->close();
}

awaitable<void> Listeners::stop() {
  connections_.cancel();
  co_await connections_.wait();
}

}  // namespace rdev::services
