#pragma once

#include <cstdint>
#include <string>

#include "client/tunnels/relay.h"
#include "protocol/base/asio.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// What one tunnel is and how it does.
struct Ledger {
  // As it is to be kept: with the port that it wants, or the one that port 0 became.
  Tunnel tunnel;
  std::string job;
  std::uint32_t bound_port = 0;
  std::string problem = "it is not open yet";  // empty: it listens
  Traffic traffic;

  TunnelState state() const;
  // "localhost:8080 -> localhost:80 in NAME"
  std::string text() const;
  // It listens now, on `port` (0: a path).
  void opened(std::uint32_t port);
  void failed(const Error& why);
  // A connection gets no stream.
  void refused(const Error& why);
};

// A tunnel at work, or trying to be. To be stopped before it is destroyed.
class Active {
 public:
  virtual ~Active() = default;

  // Resolves when it listens, or when it cannot for now; from then on it is tried again by itself.
  virtual awaitable<Result<void>> open() = 0;
  // Ends the listening and all connections.
  virtual awaitable<void> stop() = 0;
  virtual const Ledger& ledger() const = 0;
};

}  // namespace rdev::tunnels
