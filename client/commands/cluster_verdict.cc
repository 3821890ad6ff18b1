#include "client/commands/cluster_verdict.h"

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <ctime>

#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

constexpr std::chrono::seconds kExpiresSoon = std::chrono::hours(24);
constexpr std::chrono::seconds kMostSkew{60};

bool is_loopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

std::string why(const Error& error) {
  return error.code == Code::kTimeout ? "no answer within 1.3 s" : error.message;
}

class Verdict final {
 public:
  Verdict(const openpai::Account& account, const std::optional<http::Proxy>& proxy,
          const Tried& tried, const std::string& file)
      : account_(account), proxy_(proxy), tried_(tried), file_(file) {}

  Findings findings();

 private:
  std::string through() const { return proxy_ ? ", the proxy of " + proxy_->source : ""; }
  std::string where() const;
  bool is_of_tls(const Error& error) const;

  // Whether it may go on.
  bool add(Finding finding);
  bool name();
  bool connection();
  bool tls();
  bool api();
  bool version();
  void token();
  void clock();
  Finding tls_fault(const Error& error) const;

  const openpai::Account& account_;
  const std::optional<http::Proxy>& proxy_;
  const Tried& tried_;
  const std::string& file_;  // the cluster's
  Chain chain_{"cluster " + account_.cluster + ": ",
               {"name", "connection", "TLS", "API", "version", "token", "clock"}};
};

bool Verdict::add(Finding finding) {
  const bool is_fault = finding.status == Finding::Status::kFail;
  chain_.add(std::move(finding));
  return !is_fault;
}

std::string Verdict::where() const {
  return proxy_ ? "correct " + proxy_->source + ", or list the server in NO_PROXY"
                : "is the network up, is a VPN needed? Is `url` right in " + file_ + "?";
}

bool Verdict::name() {
  const std::string host = (proxy_ ? proxy_->host : account_.url.host) + through();
  const auto& found = *tried_.name;
  if (!found || found->empty()) {
    return add(fault("name",
                     host + " does not resolve" + (found ? "" : " (" + why(found.error()) + ")"),
                     where()));
  }
  return add(
      ok("name", is_address(account_.url.host) && !proxy_ ? host : host + " is " + found->front()));
}

bool Verdict::connection() {
  const std::string at = proxy_ ? proxy_->host + " port " + proxy_->port
                                : account_.url.host + " port " + account_.url.port;
  const auto& done = *tried_.connection;
  return add(done ? ok("connection", at + through())
                  : fault("connection", at + through() + ": " + why(done.error()), where()));
}

bool Verdict::is_of_tls(const Error& error) const {
  return account_.url.tls && error.message.find("TLS handshake") != std::string::npos;
}

Finding Verdict::tls_fault(const Error& error) const {
  const auto says = [&](const char* word) { return error.message.find(word) != std::string::npos; };
  return fault(
      "TLS", why(error),
      says("expired")    ? "the certificate is the administrator's to renew; is this "
                           "machine's clock right?"
      : says("mismatch") ? "write `url` in " + file_ + " with the name that the certificate has"
      : says("certificate")
          ? "for an authority of your own, `ca: FILE` in " + file_ + " names its certificate"
          : "does the server speak TLS at this port? `url` is in " + file_);
}

bool Verdict::tls() {
  if (!account_.url.tls) {
    const char* plain = "none: http:// is not encrypted";
    return add(is_loopback(account_.url.host)
                   ? info("TLS", plain)
                   : warning("TLS", plain, "write https:// in " + file_ + " if the server has it"));
  }
  if (tried_.tls && !*tried_.tls) {
    return add(tls_fault(tried_.tls->error()));
  }
  if (const auto& asked = *tried_.info; proxy_ && !asked) {
    return is_of_tls(asked.error()) ? add(tls_fault(asked.error())) : true;
  }
  return add(account_.tls.verify
                 ? ok("TLS", "the certificate is good")
                 : warning("TLS", "the certificate is not verified (insecure: true)",
                           "`ca: FILE` in " + file_ + " in its place"));
}

bool Verdict::api() {
  const auto& asked = *tried_.info;
  if (asked || asked.error().code == Code::kUsage) {
    return add(ok("API", account_.url.text()));
  }
  return add(fault("API", why(asked.error()),
                   asked.error().code == Code::kTimeout
                       ? "try again; rdev cluster show " + account_.cluster + " waits longer"
                       : "is it OpenPAI's web portal or REST server? `url` is in " + file_));
}

bool Verdict::version() {
  const auto& asked = *tried_.info;
  if (!asked) {
    return add(fault("version", asked.error().message, "rdev speaks with 0.17 to 1.8"));
  }
  return add(ok("version", asked->version.empty() ? "not said" : "OpenPAI " + asked->version));
}

void Verdict::token() {
  const std::string login = "rdev cluster login " + account_.cluster;
  if (!tried_.claims) {
    chain_.add(fault("token", "there is none", login));
    return;
  }
  const auto& claims = *tried_.claims;
  if (!claims) {
    const bool is_refused = claims.error().code == Code::kPermission;
    chain_.add(fault("token", why(claims.error()),
                     is_refused ? login : "try again; the server has a fault of its own"));
    return;
  }
  const auto left = openpai::expires_in(*claims, std::time(nullptr));
  const std::string text =
      claims->username + "'s, " + (left ? "expires in " + ui::format_age(*left) : "never expires");
  chain_.add(left && *left < kExpiresSoon ? warning("token", text, login + " renews it")
                                          : ok("token", text));
}

void Verdict::clock() {
  std::tm date{};
  if (::strptime(tried_.date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) {
    chain_.add(info("clock", "the server does not tell the time"));
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

Findings Verdict::findings() {
  if (name() && connection() && tls() && api() && version()) {
    token();
    clock();
  }
  return chain_.take();
}

}  // namespace

bool is_address(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

Findings verdict(const openpai::Account& account, const std::optional<http::Proxy>& proxy,
                 const Tried& tried, const std::string& file) {
  return Verdict(account, proxy, tried, file).findings();
}

}  // namespace rdev::commands
