#include "client/tunnels/bind.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "protocol/base/listener.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;

// How often a free port of IPv4 may turn out to be taken in IPv6.
constexpr int kAttempts = 16;
// A program that is started again and again may have a few dozen of them.
constexpr std::uint32_t kNextPorts = 64;
constexpr std::uint32_t kFirstUnprivileged = 1024;
constexpr std::uint32_t kLastPort = 65535;

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

// Both, so that whoever connects finds it by either.
Result<Bound> bind_both(const asio::ip::address_v4& v4, const asio::ip::address_v6& v6,
                        std::uint16_t port) {
  const bool ipv6 = has_ipv6();
  for (int attempt = 1;; ++attempt) {
    auto bound = bind_one(tcp::endpoint(v4, port));
    if (!bound || !ipv6) {
      return bound;
    }
    const auto chosen = static_cast<std::uint16_t>(bound->port);
    auto second = base::listen_tcp(tcp::endpoint(v6, chosen));
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
    return bind_both(asio::ip::address_v4::any(), asio::ip::address_v6::any(), port);
  }
  if (tunnel.listen_host() == "localhost") {
    return bind_both(asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback(), port);
  }
  boost::system::error_code error;
  const auto address = asio::ip::make_address(tunnel.listen_host(), error);
  if (error || tunnel.listen_port() > 65535) {
    return fail(Code::kUsage, "'" + tunnel.listen_host() + "' is no address to listen on");
  }
  return bind_one(tcp::endpoint(address, port));
}

bool may_move(const Tunnel& tunnel) {
  const bool asked_by_people = tunnel.kind() == Tunnel::LOCAL || tunnel.kind() == Tunnel::DYNAMIC;
  return asked_by_people && !tunnel.exact() && tunnel.listen_path().empty() &&
         tunnel.listen_port() != 0;
}

std::vector<std::uint32_t> next_ports(std::uint32_t port) {
  std::vector<std::uint32_t> ports;
  for (std::uint32_t next = std::max(port + 1, kFirstUnprivileged);
       next <= kLastPort && ports.size() < kNextPorts; ++next) {
    ports.push_back(next);
  }
  return ports;
}

Result<Bound> bind_near(const Tunnel& tunnel, const SpokenFor& spoken_for) {
  auto bound = bind(tunnel);
  if (bound || bound.error().code != Code::kExists || !may_move(tunnel)) {
    return bound;
  }
  Tunnel near = tunnel;
  for (const std::uint32_t port : next_ports(tunnel.listen_port())) {
    if (spoken_for && spoken_for(port)) {
      continue;
    }
    near.set_listen_port(port);
    auto next = bind(near);
    if (next || next.error().code != Code::kExists) {
      return next;
    }
  }
  bound.error().message += " (and so are the next " + std::to_string(kNextPorts) + " ports)";
  return bound;
}

}  // namespace rdev::tunnels
