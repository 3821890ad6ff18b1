#pragma once

#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/base/unix_socket.h"
#include "protocol/rdev.pb.h"

namespace rdev::tunnels {

// What listens for one tunnel on the laptop. A unix socket's file goes with it.
struct Bound {
  std::vector<base::Fd> tcp;  // of one port: IPv4 and IPv6 for "*"
  std::vector<base::UnixListener> unix_sockets;
  std::uint32_t port = 0;  // 0: a path
};

// Where `tunnel` listens. Code::kExists: something else does.
Result<Bound> bind(const Tunnel& tunnel);

}  // namespace rdev::tunnels
