#include "client/commands/doctor.h"
#include "client/http/proxy.h"

namespace rdev::commands {
namespace {

std::string cure_of(const std::string& variable) {
  return "export " + variable + "=http://HOST:PORT, or unset " + variable;
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
      findings.push_back(fault("proxies", proxy.error().message, cure_of(name)));
    } else if (*proxy) {
      good += good.empty() ? "" : ", ";
      good += name + " is " + (*proxy)->host + " port " + (*proxy)->port;
    }
  }
  if (findings.empty()) {
    findings.push_back(ok("proxies", good.empty() ? "none in the environment" : good));
  }
  co_return findings;
}

}  // namespace rdev::commands
