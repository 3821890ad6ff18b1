#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "client/http/url.h"

namespace rdev::http {

// Variables by name, as the process has them.
using Environment = std::map<std::string, std::string>;
// Those that name proxies.
Environment proxy_environment();

struct Proxy {
  std::string host, port;
  std::string authorization;  // of Proxy-Authorization; empty: none
  std::string source;         // the variable
};

// As curl(1) reads the environment, section ENVIRONMENT: http_proxy (in lower case only: a CGI
// program gets HTTP_PROXY from its client), https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY; not for
// what no_proxy or NO_PROXY lists. Code::kUsage for a proxy that is not of HTTP.
Result<std::optional<Proxy>> proxy_for(const Base& server, const Environment& environment);

// Whether NO_PROXY's list has `host`: "*", a name and all below it, an address, a network
// ("10.0.0.0/8").
bool is_listed(std::string_view list, const std::string& host);

}  // namespace rdev::http
