#include "protocol/sshd/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <unordered_map>

#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/sshd/served.h"

namespace rdev::sshd {
namespace {

std::string text_of(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "unix";
}

// Over a slow line, that is.
constexpr std::chrono::seconds kLoginTakes{2};

// Without the kernel's dice it is always the first side.
std::size_t dice(std::size_t sides) {
  std::uint32_t thrown = 0;
  (void)!::getrandom(&thrown, sizeof thrown, GRND_NONBLOCK);
  return thrown % sides;
}

using NameOf = int (*)(int, sockaddr*, socklen_t*);
std::string address_of(int fd, NameOf name_of) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (name_of(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return "unknown";
  }
  return text_of(address);
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Impl> {
  Host host;
  std::unordered_map<Served*, std::shared_ptr<Served>> connections;
  base::Notify changed{host.executor};
  bool stopping = false;
  bool was_crowded = false;

  Impl(const asio::any_io_executor& executor, ssh::PrivateKey host_key, Authorizer& authorizer,
       Services services, Limits limits)
      : host{executor, std::move(host_key),      authorizer, std::move(services),
             limits,   base::TaskGroup(executor)} {}
  // Before a newcomer from outside.
  void make_room();
  void ended(Served& connection);
};

void Server::Impl::make_room() {
  const Startups& startups = host.limits.startups;
  const auto late = std::chrono::steady_clock::now() - kLoginTakes;
  std::vector<Served*> waiting;
  std::vector<Served*> slow;
  for (const auto& [key, connection] : connections) {
    if (connection->is_waiting()) {
      waiting.push_back(key);
      if (connection->since() < late) {
        slow.push_back(key);
      }
    }
  }
  const bool crowded = waiting.size() >= startups.begin;
  if (crowded && !was_crowded) {
    base::log_warning("many connections wait to log in: some will be dropped",
                      {{"waiting", waiting.size()}});
  }
  was_crowded = crowded;
  const auto& victims = waiting.size() >= startups.full ? waiting : slow;
  if (!victims.empty() && dice(100) < startups.chance(waiting.size())) {
    victims[dice(victims.size())]->drop();
  }
}

// The connection calls this from inside itself: it is destroyed later.
void Server::Impl::ended(Served& connection) {
  asio::post(host.executor, [weak = weak_from_this(), gone = &connection] {
    if (const auto self = weak.lock()) {
      self->connections.erase(gone);
      self->changed.notify();
      if (self->host.services.connection_ended) {
        self->host.services.connection_ended();
      }
    }
  });
}

Server::Server(const asio::any_io_executor& executor, ssh::PrivateKey host_key,
               Authorizer& authorizer, Services services, Limits limits)
    : impl_(std::make_shared<Impl>(executor, std::move(host_key), authorizer, std::move(services),
                                   limits)) {}

Server::~Server() = default;

void Server::serve(base::Fd socket, const std::string& called) {
  Peer peer{.remote_address = called, .local_address = called};
  if (called.empty()) {
    peer.remote_address = address_of(socket.get(), &::getpeername);
    peer.local_address = address_of(socket.get(), &::getsockname);
  }
  if (impl_->stopping) {
    return;
  }
  const auto door = called.empty() ? Served::Door::kPublic : Served::Door::kPrivate;
  if (door == Served::Door::kPublic) {
    impl_->make_room();
  }
  base::log_debug("connection", {{"remote", peer.remote_address}});
  const auto connection =
      std::make_shared<Served>(impl_->host, std::move(peer), door,
                               [impl = impl_.get()](Served& gone) { impl->ended(gone); });
  if (auto started = connection->start(std::move(socket)); !started) {
    base::log_warning("connection failed", {{"error", started.error().message}});
    return;
  }
  impl_->connections.emplace(connection.get(), connection);
}

std::size_t Server::connections() const { return impl_->connections.size(); }

void Server::disconnect(const std::string& why) {
  for (const auto& [key, connection] : impl_->connections) {
    connection->stop(why);
  }
}

awaitable<void> Server::stop(std::string why) {
  const auto impl = impl_;
  impl->stopping = true;
  disconnect(why);
  while (!impl->connections.empty()) {
    co_await impl->changed.wait();
  }
  impl->host.tasks.cancel();
  co_await impl->host.tasks.wait();
}

}  // namespace rdev::sshd
