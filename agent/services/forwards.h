#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "agent/services/denials.h"
#include "agent/services/resolver.h"
#include "protocol/base/asio.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

struct ForwardTarget {
  std::string host;  // name or address, as the peer wrote it
  std::uint16_t port = 0;
};

// Connects streams to servers that the job can reach (RFC 4254 section 7.2).
class Forwards final {
 public:
  explicit Forwards(const asio::any_io_executor& executor, Denials denials = {},
                    std::chrono::milliseconds timeout = std::chrono::seconds(10))
      : denials_(denials), timeout_(timeout), resolver_(executor) {}
  Forwards(const Forwards&) = delete;
  Forwards& operator=(const Forwards&) = delete;

  // One forward from its offer to its end; each direction ends on its own. Refused with
  // kConnectFailed and the reason when the target does not take the connection in time.
  awaitable<void> serve(ForwardTarget target, std::unique_ptr<stream::Offer> offer);

  // The same to a unix socket of the job (OpenSSH's PROTOCOL, section 2.4); `path` is absolute. The
  // agent's own user connects, whoever logged in: each key may log in as that user as well.
  awaitable<void> serve_unix(std::string path, std::unique_ptr<stream::Offer> offer);

 private:
  const Denials denials_;
  const std::chrono::milliseconds timeout_;  // of the lookup and the connection together
  Resolver resolver_;
};

}  // namespace rdev::services
