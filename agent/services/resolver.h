#pragma once

#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/asio.h"

namespace rdev::services {

// Names to addresses. getaddrinfo(3) blocks and cannot be interrupted, so each lookup has a thread
// (no pool: an idle agent has none), which whoever stops waiting leaves to end by itself.
class Resolver final {
 public:
  explicit Resolver(const asio::any_io_executor& executor);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  // At least one address, in the order to try. Literals and "localhost" (RFC 6761 section 6.3: an
  // image may have no /etc/hosts) need no lookup. Code::kLimit when too many lookups hang.
  awaitable<Result<std::vector<asio::ip::address>>> resolve(std::string host);

 private:
  struct Gate;
  std::shared_ptr<Gate> gate_;  // shared with the threads, which may outlive the loop
};

}  // namespace rdev::services
