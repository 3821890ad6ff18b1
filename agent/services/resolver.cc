#include "agent/services/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "protocol/base/notify.h"

namespace rdev::services {
namespace {

using Addresses = Result<std::vector<asio::ip::address>>;

constexpr int kMaxLookups = 32;

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

// What a coroutine waits for. Belongs to the loop: threads hold it weakly.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : done(executor) {}
  std::optional<Addresses> found;
  base::Notify done;
};

}  // namespace

struct Resolver::Gate {
  explicit Gate(asio::any_io_executor executor) : loop(std::move(executor)) {}

  // In a lookup's thread. Posts only while the loop is known to live.
  void deliver(std::weak_ptr<Lookup> to, Addresses found) {
    --running;
    const std::lock_guard lock(mutex);
    if (!loop) {
      return;
    }
    asio::post(*loop, [to = std::move(to), found = std::move(found)]() mutable {
      if (const auto lookup = to.lock()) {
        lookup->found.emplace(std::move(found));
        lookup->done.notify();
      }
    });
  }

  std::mutex mutex;
  std::optional<asio::any_io_executor> loop;  // until the resolver dies
  std::atomic<int> running = 0;
};

Resolver::Resolver(const asio::any_io_executor& executor)
    : gate_(std::make_shared<Gate>(executor)) {}

Resolver::~Resolver() {
  const std::lock_guard lock(gate_->mutex);
  gate_->loop.reset();
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
  if (++gate_->running > kMaxLookups) {
    --gate_->running;
    co_return fail(Code::kLimit, "cannot resolve " + host + ": too many lookups are under way");
  }
  const auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
  try {
    std::thread([gate = gate_, to = std::weak_ptr(lookup), host] {
      gate->deliver(to, look_up(host));
    }).detach();
  } catch (const std::system_error& e) {
    --gate_->running;
    co_return fail(Code::kLimit, "cannot resolve " + host + ": " + e.what());
  }
  while (!lookup->found) {
    co_await lookup->done.wait();
  }
  co_return std::move(*lookup->found);
}

}  // namespace rdev::services
