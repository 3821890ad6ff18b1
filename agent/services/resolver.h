#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/asio.h"

namespace rdev::services {

// Names to addresses, on two threads that start with the first name that needs them. getaddrinfo(3)
// cannot be interrupted: whoever stops waiting leaves the lookup to end by itself.
class Resolver final {
 public:
  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  // At least one address, in the order to try. Literals and "localhost" (RFC 6761 section 6.3: an
  // image may have no /etc/hosts) need no lookup.
  awaitable<Result<std::vector<asio::ip::address>>> resolve(std::string host);

 private:
  std::unique_ptr<asio::thread_pool> pool_;
};

}  // namespace rdev::services
