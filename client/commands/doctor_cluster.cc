#include <boost/asio/ip/address.hpp>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "client/cluster/openpai/account.h"
#include "client/commands/doctor.h"
#include "client/commands/resolve.h"
#include "client/http/client.h"
#include "client/http/tls.h"
#include "client/ui/units.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

using Clock = std::chrono::steady_clock;

// Of all looks at one cluster: below kCheckLimit, so that it is known which one hangs.
constexpr std::chrono::milliseconds kLimit{1300};
constexpr std::chrono::seconds kExpiresSoon = std::chrono::hours(24);
constexpr std::chrono::seconds kMostSkew{60};
constexpr char kNotHere[] = "is the network up, is a VPN needed? Is `url` right in ";

bool is_address(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

bool is_loopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

// One cluster of OpenPAI, from its name to the user's token: what fails ends it.
class Visit final {
 public:
  Visit(openpai::Account account, std::optional<http::Proxy> proxy, std::string file)
      : account_(std::move(account)),
        proxy_(std::move(proxy)),
        file_(std::move(file)),
        login_("rdev cluster login " + account_.cluster),
        chain_("cluster " + account_.cluster + ": ",
               {"name", "connection", "TLS", "API", "version", "token", "clock"}) {}

  awaitable<Findings> findings();

 private:
  template <class T>
  awaitable<Result<T>> in_time(awaitable<Result<T>> work);
  static std::string why(const Error& error);
  // A proxy stands for the server until it has connected to it.
  const std::string& host() const { return proxy_ ? proxy_->host : account_.url.host; }
  const std::string& port() const { return proxy_ ? proxy_->port : account_.url.port; }
  std::string through() const { return proxy_ ? ", the proxy of " + proxy_->source : ""; }

  awaitable<bool> look_up();
  awaitable<bool> connect();
  awaitable<bool> secure(std::unique_ptr<http::Connection> connection);
  awaitable<bool> ask();
  awaitable<void> identify();
  void compare_clocks();
  bool is_of_tls(const Error& error) const;
  bool refuse_tls(const Error& error);
  bool refuse(Finding finding);

  openpai::Account account_;
  std::optional<http::Proxy> proxy_;
  std::string file_;  // the cluster's
  std::string login_;
  Chain chain_;
  std::string date_;  // as the server said it
  Clock::time_point deadline_ = Clock::now() + kLimit;
};

template <class T>
awaitable<Result<T>> Visit::in_time(awaitable<Result<T>> work) {
  const auto left = std::max(deadline_ - Clock::now(), Clock::duration::zero());
  return base::with_timeout(std::move(work), left, "it");
}

std::string Visit::why(const Error& error) {
  return error.code == Code::kTimeout ? "no answer within 1.3 s" : error.message;
}

bool Visit::refuse(Finding finding) {
  chain_.add(std::move(finding));
  return false;
}

awaitable<bool> Visit::look_up() {
  if (is_address(host())) {
    chain_.add(ok("name", host() + through()));
    co_return true;
  }
  const auto addresses = co_await in_time(resolve(host()));
  if (!addresses || addresses->empty()) {
    co_return refuse(fault("name",
                           host() + through() + " does not resolve" +
                               (addresses ? "" : " (" + why(addresses.error()) + ")"),
                           proxy_ ? "correct " + proxy_->source : kNotHere + file_ + "?"));
  }
  chain_.add(ok("name", host() + through() + " is " + addresses->front()));
  co_return true;
}

awaitable<bool> Visit::connect() {
  auto connection = co_await in_time(http::connect_tcp(host(), port()));
  if (!connection) {
    co_return refuse(fault("connection",
                           host() + " port " + port() + through() + ": " + why(connection.error()),
                           proxy_ ? "correct " + proxy_->source + ", or list the server in NO_PROXY"
                                  : kNotHere + file_ + "?"));
  }
  chain_.add(ok("connection", host() + " port " + port() + through()));
  co_return co_await secure(std::move(*connection));
}

bool Visit::is_of_tls(const Error& error) const {
  return account_.url.tls && error.message.find("TLS handshake") != std::string::npos;
}

bool Visit::refuse_tls(const Error& error) {
  const auto says = [&](const char* word) { return error.message.find(word) != std::string::npos; };
  return refuse(fault(
      "TLS", why(error),
      says("expired")    ? "the certificate is the administrator's to renew; is this "
                           "machine's clock right?"
      : says("mismatch") ? "write `url` in " + file_ + " with the name that the certificate has"
      : says("certificate")
          ? "for an authority of your own, `ca: FILE` in " + file_ + " names its certificate"
          : "does the server speak TLS at this port? `url` is in " + file_));
}

// Through a proxy it is the first question's connection that tells.
awaitable<bool> Visit::secure(std::unique_ptr<http::Connection> connection) {
  if (!account_.url.tls) {
    const char* plain = "none: http:// is not encrypted";
    chain_.add(is_loopback(account_.url.host)
                   ? info("TLS", plain)
                   : warning("TLS", plain, "write https:// in " + file_ + " if the server has it"));
    co_return true;
  }
  if (!proxy_) {
    const auto secured =
        co_await in_time(http::start_tls(std::move(connection), account_.tls, account_.url.host));
    if (!secured) {
      co_return refuse_tls(secured.error());
    }
  }
  if (!account_.tls.verify) {
    chain_.add(warning("TLS", "the certificate is not verified (insecure: true)",
                       "`ca: FILE` in " + file_ + " in its place"));
  } else if (!proxy_) {
    chain_.add(ok("TLS", "the certificate is good"));
  }
  co_return true;
}

awaitable<bool> Visit::ask() {
  http::ClientOptions options{.base = account_.url, .tls = account_.tls};
  http::Client client(std::move(options));
  http::Call call;
  call.target = "/api/v2/info";
  const auto answer = co_await in_time(client.call(std::move(call)));
  if (!answer && proxy_ && is_of_tls(answer.error())) {
    co_return refuse_tls(answer.error());
  }
  if (answer && proxy_ && account_.url.tls && account_.tls.verify) {
    chain_.add(ok("TLS", "the certificate is good"));
  }
  openpai::Api api(account_);
  const auto info = answer ? co_await in_time(api.info()) : tl::make_unexpected(answer.error());
  const bool is_too_old = !info && answer && info.error().code == Code::kUsage;
  if (!info && !is_too_old) {
    co_return refuse(fault("API", why(info.error()),
                           "is it OpenPAI's web portal or REST server? `url` is in " + file_));
  }
  date_ = answer->date;
  chain_.add(ok("API", account_.url.text()));
  if (is_too_old) {
    co_return refuse(fault("version", info.error().message, "rdev speaks with 0.17 to 1.8"));
  }
  chain_.add(ok("version", info->version.empty() ? "not said" : "OpenPAI " + info->version));
  co_return true;
}

awaitable<void> Visit::identify() {
  if (account_.token.empty()) {
    chain_.add(fault("token", "there is none", login_));
    co_return;
  }
  openpai::Api api(account_);
  const auto claims = co_await in_time(api.claims());
  if (!claims) {
    const bool is_refused = claims.error().code == Code::kPermission;
    chain_.add(fault("token", why(claims.error()),
                     is_refused ? login_ : "try again; the server has a fault of its own"));
    co_return;
  }
  const auto left = openpai::expires_in(*claims, std::time(nullptr));
  if (left && *left < kExpiresSoon) {
    chain_.add(warning("token", claims->username + "'s, expires in " + ui::format_age(*left),
                       login_ + " renews it"));
  } else {
    chain_.add(ok("token", claims->username + "'s, " +
                               (left ? "expires in " + ui::format_age(*left) : "never expires")));
  }
}

void Visit::compare_clocks() {
  std::tm date{};
  if (::strptime(date_.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) {
    chain_.add(skipped("clock", "the server does not tell the time"));
    return;
  }
  const std::chrono::seconds ahead(std::time(nullptr) - ::timegm(&date));
  if (std::chrono::abs(ahead) <= kMostSkew) {
    chain_.add(ok("clock", "as the server's"));
    return;
  }
  chain_.add(warning("clock",
                     "this machine's is " + ui::format_age(std::chrono::abs(ahead)) +
                         (ahead.count() > 0 ? " ahead of" : " behind") + " the server's",
                     "set the clock (timedatectl set-ntp true), or tell the administrator: ends of "
                     "jobs and tokens are shown wrong"));
}

awaitable<Findings> Visit::findings() {
  if (co_await look_up() && co_await connect() && co_await ask()) {
    co_await identify();
    compare_clocks();
  }
  co_return chain_.take();
}

}  // namespace

awaitable<Findings> check_proxies() {
  Findings findings;
  std::string good;
  for (const auto& [name, value] : http::proxy_environment()) {
    if (value.empty() || name == "no_proxy" || name == "NO_PROXY") {
      continue;
    }
    const http::Base server{.tls = name != "http_proxy", .host = "server", .port = "", .path = ""};
    const auto proxy = http::proxy_for(server, {{name, value}});
    if (!proxy) {
      findings.push_back(fault("proxies", proxy.error().message,
                               "export " + name + "=http://HOST:PORT, or unset " + name));
    } else if (*proxy) {
      good +=
          (good.empty() ? "" : ", ") + name + " is " + (*proxy)->host + " port " + (*proxy)->port;
    }
  }
  if (findings.empty()) {
    findings.push_back(ok("proxies", good.empty() ? "none in the environment" : good));
  }
  co_return findings;
}

awaitable<Findings> check_cluster(const state::Paths& paths, templates::ClusterEntry entry) {
  const std::string about = "cluster " + entry.name;
  const std::string file = templates::cluster_file(paths, entry.name).string();
  Findings findings;
  auto account = openpai::account_of(paths, entry);
  if (!account) {
    findings.push_back(fault(about, account.error().message, "correct " + file));
    co_return findings;
  }
  const auto proxy = http::proxy_for(account->url, http::proxy_environment());
  if (!proxy) {
    findings.push_back(skipped(about, "not looked at: first proxies"));
    co_return findings;
  }
  Visit visit(*std::move(account), *proxy, file);
  co_return co_await visit.findings();
}

}  // namespace rdev::commands
