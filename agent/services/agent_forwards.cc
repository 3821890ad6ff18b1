#include "agent/services/agent_forwards.h"

#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <system_error>

#include "agent/services/agent_socket.h"
#include "agent/services/join.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::services {
namespace {

constexpr std::size_t kMostConnections = 256;

bool may_use(int socket, uid_t uid) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == uid || peer.uid == 0);
}

}  // namespace

// One user's socket. Shared with the loans, which may outlive it.
struct AgentForwards::Place {
  Place(uid_t owner, std::chrono::milliseconds limit, base::TaskGroup& group)
      : uid(owner), patience(limit), tasks(group) {}

  struct Listening {
    explicit Listening(AgentSocket opened, const asio::any_io_executor& executor)
        : socket(std::move(opened)), loop(executor) {}
    const AgentSocket socket;
    base::TaskGroup loop;
  };
  static awaitable<void> end(std::shared_ptr<Listening> listening);

  void listen(AgentSocket socket, const asio::any_io_executor& executor);
  void accept(base::Fd connection);
  awaitable<void> serve(base::Fd connection);

  std::shared_ptr<Listening> listening;  // null until the first listen()
  const uid_t uid;
  const std::chrono::milliseconds patience;
  base::TaskGroup& tasks;
  std::map<std::uint64_t, OpenBack> lenders;  // the newest has the highest number
  std::uint64_t next = 0;
  std::size_t connections = 0;
};

class AgentForwards::Loan final {
 public:
  Loan(const std::shared_ptr<Place>& place, OpenBack open) : place_(place), number_(place->next++) {
    place->lenders.emplace(number_, std::move(open));
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() {
    if (const auto place = place_.lock()) {
      place->lenders.erase(number_);
    }
  }

 private:
  const std::weak_ptr<Place> place_;
  const std::uint64_t number_;
};

awaitable<void> AgentForwards::Place::end(std::shared_ptr<Listening> listening) {
  listening->loop.cancel();
  co_await listening->loop.wait();
}

void AgentForwards::Place::listen(AgentSocket socket, const asio::any_io_executor& executor) {
  if (listening) {
    tasks.spawn("agent socket that is gone", end(std::move(listening)));
  }
  listening = std::make_shared<Listening>(std::move(socket), executor);
  listening->loop.spawn("agent socket", base::accept_loop(listening->socket.fd(),
                                                          std::bind_front(&Place::accept, this)));
}

void AgentForwards::Place::accept(base::Fd connection) {
  if (!may_use(connection.get(), uid)) {
    base::log_warning("a process of another user was turned away from the agent's socket");
  } else if (!lenders.empty() && connections < kMostConnections) {
    tasks.spawn("agent forward", serve(std::move(connection)));
  }
}

awaitable<void> AgentForwards::Place::serve(base::Fd connection) {
  struct Count {
    std::size_t& n;
    explicit Count(std::size_t& counted) : n(++counted) {}
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    ~Count() { --n; }
  };
  const Count count(connections);
  // While one is asked others may come and go: look for the next one below it each time.
  for (auto bound = lenders.end(); bound != lenders.begin();) {
    const auto [number, open] = *std::prev(bound);
    auto stream =
        co_await base::with_timeout(open(Originator()), patience, "opening a channel to it");
    if (stream) {
      co_return co_await join(*std::move(stream), std::move(connection));
    }
    base::log_info("an authentication agent was not to be had", {{"why", stream.error().message}});
    bound = lenders.lower_bound(number);
  }
}

AgentForwards::AgentForwards(const asio::any_io_executor& executor, process::Account own,
                             std::string own_place, Denials denials,
                             std::chrono::milliseconds patience)
    : executor_(executor),
      own_(std::move(own)),
      own_place_(std::move(own_place)),
      denials_(denials),
      patience_(patience),
      tasks_(executor) {}

AgentForwards::~AgentForwards() = default;

std::vector<std::string> AgentForwards::parents(const process::Account& account) const {
  std::vector<std::string> found;
  const bool own = account.uid == own_.uid;
  if (own && !own_place_.empty()) {
    found.push_back(own_place_);
  }
  std::error_code error;
  if (const auto temporary = std::filesystem::temp_directory_path(error); own && !error) {
    found.push_back(temporary.string());
  }
  found.insert(found.end(), {"/tmp", "/dev/shm", "/var/tmp", "/run"});
  // In a home of somebody else things could change their names under our feet.
  if (own && !account.home.empty()) {
    found.push_back(account.home);
  }
  return found;
}

std::optional<process::Account> AgentForwards::account_of(const std::string& user) const {
  return user.empty() ? std::optional(own_) : process::login_account(user, own_);
}

Result<std::shared_ptr<AgentForwards::Place>> AgentForwards::place_of(
    const process::Account& account) {
  auto& place = places_[account.uid];
  if (!place) {
    place = std::make_shared<Place>(account.uid, patience_, tasks_);
  }
  if (!place->listening || !place->listening->socket.is_there()) {
    auto socket = AgentSocket::open(parents(account), account.uid, account.gid);
    if (!socket) {
      return tl::make_unexpected(socket.error());
    }
    place->listen(*std::move(socket), executor_);
  }
  return place;
}

Result<std::shared_ptr<void>> AgentForwards::lend(const std::string& user, OpenBack open) {
  if (denials_.agent) {
    return fail(Code::kPermission, "the job's configuration denies agent forwarding");
  }
  const auto account = account_of(user);
  if (!account) {
    return fail(Code::kNotFound, "there is no user " + user + " any more");
  }
  const auto place = place_of(*account);
  if (!place) {
    return tl::make_unexpected(place.error());
  }
  return std::make_shared<Loan>(*place, std::move(open));
}

std::optional<std::string> AgentForwards::path(const std::string& user) {
  const auto account = account_of(user);
  if (!account || !places_.contains(account->uid)) {
    return std::nullopt;
  }
  const auto place = place_of(*account);
  return place ? std::optional((*place)->listening->socket.path()) : std::nullopt;
}

awaitable<void> AgentForwards::stop() {
  for (const auto& [uid, place] : places_) {
    if (place->listening) {
      co_await Place::end(place->listening);
    }
  }
  tasks_.cancel();
  co_await tasks_.wait();
  places_.clear();
}

}  // namespace rdev::services
