#include "client/tunnels/bind.h"

#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "protocol/base/listener.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;

// How often a free port of IPv4 may turn out to be taken in IPv6.
constexpr int kAttempts = 16;

Result<Bound> bind_one(const tcp::endpoint& endpoint) {
  auto socket = base::listen_tcp(endpoint);
  if (!socket) {
    return tl::make_unexpected(socket.error());
  }
  Bound bound;
  bound.port = base::local_endpoint(socket->get()).port();
  bound.tcp.push_back(std::move(*socket));
  return bound;
}

// A machine may do without IPv6.
bool has_ipv6() {
  return base::listen_tcp(tcp::endpoint(asio::ip::address_v6::loopback(), 0)).has_value();
}

Result<Bound> bind_all(std::uint16_t port) {
  const bool ipv6 = has_ipv6();
  for (int attempt = 1;; ++attempt) {
    auto bound = bind_one(tcp::endpoint(asio::ip::address_v4::any(), port));
    if (!bound || !ipv6) {
      return bound;
    }
    const auto chosen = static_cast<std::uint16_t>(bound->port);
    auto second = base::listen_tcp(tcp::endpoint(asio::ip::address_v6::any(), chosen));
    if (second) {
      bound->tcp.push_back(std::move(*second));
      return bound;
    }
    if (port != 0 || second.error().code != Code::kExists || attempt == kAttempts) {
      return tl::make_unexpected(second.error());
    }
  }
}

}  // namespace

Result<Bound> bind(const Tunnel& tunnel) {
  if (!tunnel.listen_path().empty()) {
    auto listener = base::UnixListener::open(tunnel.listen_path());
    if (!listener) {
      return tl::make_unexpected(listener.error());
    }
    Bound bound;
    bound.unix_sockets.push_back(std::move(*listener));
    return bound;
  }
  const auto port = static_cast<std::uint16_t>(tunnel.listen_port());
  if (tunnel.listen_host() == "*") {
    return bind_all(port);
  }
  boost::system::error_code error;
  const auto address = asio::ip::make_address(tunnel.listen_host(), error);
  if (error || tunnel.listen_port() > 65535) {
    return fail(Code::kUsage, "'" + tunnel.listen_host() + "' is no address to listen on");
  }
  return bind_one(tcp::endpoint(address, port));
}

}  // namespace rdev::tunnels
