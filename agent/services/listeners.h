#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/services/denials.h"
#include "agent/services/resolver.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/base/task_group.h"
#include "protocol/base/unix_socket.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

// Where a peer wants the job to listen: a unix socket if `path` is given.
struct ListenTarget {
  // Empty or "localhost": 127.0.0.1 and, where there is one, ::1. "*": every address. Else an
  // address or a name of this machine.
  std::string host;
  std::uint16_t port = 0;  // 0: any that is free
  std::string path;        // absolute
};

// Who connected; for a unix socket "" and 0.
struct Originator {
  std::string host;
  std::uint16_t port = 0;
};

// Asks the peer for a stream for one connection.
using OpenBack = std::function<awaitable<Result<std::unique_ptr<stream::Stream>>>(Originator)>;

// How a stream that asks the job to listen is answered.
class ListenPeer {
 public:
  virtual ~ListenPeer() = default;
  // It listens, on `port` (0: a path). Accepts; the listening ends with the stream.
  virtual std::unique_ptr<stream::Stream> bound(std::uint16_t port) = 0;
  virtual void refuse(stream::Refusal why, std::string reason) = 0;
  // As OpenBack. What was opened may outlive this object, a call of it does not.
  virtual awaitable<Result<std::unique_ptr<stream::Stream>>> open(Originator originator) = 0;
};

// What listens for one ListenTarget; a unix socket's file goes with it.
struct Bound {
  std::vector<base::Fd> tcp;  // of one port
  std::vector<base::UnixListener> unix_sockets;
  std::uint16_t port = 0;  // 0: a path
};

// Listens in the job for a peer (-R; RFC 4254 section 7.1) and joins each connection to a stream
// that the peer opens for it.
class Listeners final {
 public:
  explicit Listeners(const asio::any_io_executor& executor, Denials denials = {})
      : denials_(denials), resolver_(executor), connections_(executor) {}
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // One listening stream from its offer to its end. Connections that are joined by then go on.
  awaitable<void> serve(ListenTarget target, std::unique_ptr<ListenPeer> peer);

  // The two halves of serve(), for a peer that has no stream for it. The error is a sentence;
  // Code::kPermission: the configuration denies it. A unix socket belongs to the agent's own user,
  // whoever logged in, and has mode 0600.
  awaitable<Result<Bound>> bind(ListenTarget target);
  // Until cancelled. At most kMaxWaiting connections wait for `open_back` at a time; further ones
  // wait in the kernel. A connection for which it fails is broken off, with a line in the log.
  awaitable<void> accept(const Bound& bound, OpenBack open_back);
  static constexpr std::size_t kMaxWaiting = 256;

  // Ends all connections; to be awaited before this is destroyed.
  awaitable<void> stop();

 private:
  const Denials denials_;
  Resolver resolver_;
  base::TaskGroup connections_;
};

}  // namespace rdev::services
