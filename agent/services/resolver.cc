#include "agent/services/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <optional>

#include "protocol/base/notify.h"

namespace rdev::services {
namespace {

using Addresses = Result<std::vector<asio::ip::address>>;

constexpr std::size_t kThreads = 2;

Addresses look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    return fail(Code::kUnavailable,
                "cannot resolve " + host + ": " +
                    (error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  std::vector<asio::ip::address> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen <= endpoint.capacity()) {
      std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
      addresses.push_back(endpoint.address());
    }
  }
  return addresses;
}

// Shared by the waiting coroutine and the thread; all but `host` belongs to the loop.
struct Lookup {
  Lookup(const asio::any_io_executor& executor, std::string name)
      : host(std::move(name)), done(executor) {}
  const std::string host;
  std::optional<Addresses> found;
  base::Notify done;
};

void run_lookup(const std::shared_ptr<Lookup>& lookup, const asio::any_io_executor& loop) {
  asio::post(loop, [lookup, found = look_up(lookup->host)]() mutable {
    lookup->found.emplace(std::move(found));
    lookup->done.notify();
  });
}

}  // namespace

Resolver::~Resolver() {
  if (pool_) {
    pool_->stop();
  }
}

awaitable<Addresses> Resolver::resolve(std::string host) {
  boost::system::error_code not_literal;
  const auto literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    co_return std::vector<asio::ip::address>{literal};
  }
  if (host == "localhost") {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback(),
                                             asio::ip::address_v6::loopback()};
  }
  const auto loop = co_await asio::this_coro::executor;
  if (!pool_) {
    pool_ = std::make_unique<asio::thread_pool>(kThreads);
  }
  const auto lookup = std::make_shared<Lookup>(loop, std::move(host));
  asio::post(*pool_, [lookup, loop] { run_lookup(lookup, loop); });
  while (!lookup->found) {
    co_await lookup->done.wait();
  }
  co_return std::move(*lookup->found);
}

}  // namespace rdev::services
