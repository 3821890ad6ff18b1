#pragma once

#include <functional>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/base/unix_socket.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// What listens for one tunnel on the laptop. A unix socket's file goes with it.
struct Bound {
  std::vector<base::Fd> tcp;  // of one port: IPv4 and IPv6 for "*" and "localhost"
  std::vector<base::UnixListener> unix_sockets;
  std::uint32_t port = 0;  // 0: a path
};

// Where `tunnel` wants to listen. Code::kExists: something else does.
Result<Bound> bind(const Tunnel& tunnel);

// Whether another port than the one it wants will do.
bool may_move(const Tunnel& tunnel);
// What is tried when `port` is taken: the ports above, no privileged one.
std::vector<std::uint32_t> next_ports(std::uint32_t port);

// Whether a port is to be left to another tunnel.
using SpokenFor = std::function<bool(std::uint32_t port)>;
// As bind(); on the next free port when the one it wants is taken and it may_move().
Result<Bound> bind_near(const Tunnel& tunnel, const SpokenFor& spoken_for);

}  // namespace rdev::tunnels
