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
  Place(AgentSocket opened, uid_t owner, std::chrono::milliseconds limit, base::TaskGroup& group)
      : socket(std::move(opened)), uid(owner), patience(limit), tasks(group) {}

  void accept(base::Fd connection);
  awaitable<void> serve(base::Fd connection);

  const AgentSocket socket;
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

Result<AgentForwards::Place*> AgentForwards::place_of(const process::Account& account) {
  if (const auto found = places_.find(account.uid); found != places_.end()) {
    return found->second.get();
  }
  auto socket = AgentSocket::open(parents(account), account.uid, account.gid);
  if (!socket) {
    return tl::make_unexpected(socket.error());
  }
  const auto place = std::make_shared<Place>(*std::move(socket), account.uid, patience_, tasks_);
  places_.emplace(account.uid, place);
  tasks_.spawn("agent socket",
               base::accept_loop(place->socket.fd(), std::bind_front(&Place::accept, place.get())));
  return place.get();
}

Result<std::shared_ptr<void>> AgentForwards::lend(const std::string& user, OpenBack open) {
  if (denials_.agent) {
    return fail(Code::kPermission, "the job's configuration denies agent forwarding");
  }
  const auto account = process::login_account(user, own_);
  if (!account) {
    return fail(Code::kNotFound, "there is no user " + user + " any more");
  }
  if (auto place = place_of(*account); !place) {
    return tl::make_unexpected(place.error());
  }
  return std::make_shared<Loan>(places_.at(account->uid), std::move(open));
}

std::optional<std::string> AgentForwards::path(const std::string& user) const {
  const auto account = process::login_account(user, own_);
  const auto found = account ? places_.find(account->uid) : places_.end();
  return found == places_.end() ? std::nullopt : std::optional(found->second->socket.path());
}

awaitable<void> AgentForwards::stop() {
  tasks_.cancel();
  co_await tasks_.wait();
  places_.clear();
}

}  // namespace rdev::services
