#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "client/cluster/openpai/account.h"
#include "client/commands/cluster_verdict.h"
#include "client/commands/doctor.h"
#include "client/commands/resolve.h"
#include "client/http/connection.h"
#include "client/http/proxy.h"
#include "client/http/tls.h"
#include "protocol/base/all_of.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

using Clock = std::chrono::steady_clock;

// Of all looks at one cluster: below kCheckLimit, so that it is known which one hangs.
constexpr std::chrono::milliseconds kLimit{1300};

// Asks one cluster of OpenPAI. The way there and the questions are tried side by side, each over a
// connection of its own: a server that is far away has to answer all in time.
class Visit final {
 public:
  Visit(openpai::Account account, std::optional<http::Proxy> proxy)
      : account_(std::move(account)), proxy_(std::move(proxy)) {}

  awaitable<Tried> tried();

 private:
  template <class T>
  awaitable<Result<T>> in_time(awaitable<Result<T>> work);
  // A proxy stands for the server until it has connected to it.
  const std::string& host() const { return proxy_ ? proxy_->host : account_.url.host; }
  const std::string& port() const { return proxy_ ? proxy_->port : account_.url.port; }

  awaitable<Result<void>> reach();
  awaitable<Result<void>> secure(std::unique_ptr<http::Connection> connection);
  awaitable<Result<void>> greet();
  awaitable<Result<void>> identify();

  const openpai::Account account_;
  const std::optional<http::Proxy> proxy_;
  Tried tried_;
  const Clock::time_point deadline_ = Clock::now() + kLimit;
};

template <class T>
awaitable<Result<T>> Visit::in_time(awaitable<Result<T>> work) {
  const auto left = std::max(deadline_ - Clock::now(), Clock::duration::zero());
  return base::with_timeout(std::move(work), left, "it");
}

awaitable<Result<void>> Visit::secure(std::unique_ptr<http::Connection> connection) {
  const auto secured =
      co_await http::start_tls(std::move(connection), account_.tls, account_.url.host);
  co_return secured ? Result<void>() : tl::make_unexpected(secured.error());
}

awaitable<Result<void>> Visit::reach() {
  auto connection = co_await in_time(http::connect_tcp(host(), port()));
  tried_.connection = connection ? Result<void>() : tl::make_unexpected(connection.error());
  // Through a proxy it is the first question's connection that tells.
  if (connection && account_.url.tls && !proxy_) {
    tried_.tls = co_await in_time(secure(*std::move(connection)));
  }
  co_return Result<void>();
}

awaitable<Result<void>> Visit::greet() {
  openpai::Api api(account_);
  tried_.info = co_await in_time(api.info());
  tried_.date = api.date();
  co_return Result<void>();
}

awaitable<Result<void>> Visit::identify() {
  openpai::Api api(account_);
  if (!account_.token.empty()) {
    tried_.claims = co_await in_time(api.claims());
  }
  co_return Result<void>();
}

awaitable<Tried> Visit::tried() {
  if (is_address(host())) {
    tried_.name = std::vector<std::string>{host()};
  } else {
    tried_.name = co_await in_time(resolve(host()));
  }
  if (*tried_.name && !(*tried_.name)->empty()) {
    std::vector<awaitable<Result<void>>> all;
    all.push_back(reach());
    all.push_back(greet());
    all.push_back(identify());
    (void)co_await base::all_of(std::move(all));  // none fails
  }
  co_return std::move(tried_);
}

}  // namespace

awaitable<Findings> check_cluster(const state::Paths& paths, templates::ClusterEntry entry) {
  const std::string about = "cluster " + entry.name;
  const std::string file = templates::cluster_file(paths, entry.name).string();
  Findings findings;
  const auto account = openpai::account_of(paths, entry);
  if (!account) {
    findings.push_back(fault(about, account.error().message, "correct " + file));
    co_return findings;
  }
  const auto proxy = http::proxy_for(account->url, http::proxy_environment());
  if (!proxy) {
    findings.push_back(skipped(about, "not looked at: first proxies"));
    co_return findings;
  }
  Visit visit(*account, *proxy);
  const Tried tried = co_await visit.tried();
  co_return verdict(*account, *proxy, tried, file);
}

}  // namespace rdev::commands
