#include "client/http/proxy.h"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/url/parse.hpp>
#include <cstdlib>

namespace rdev::http {
namespace {

namespace ip = boost::asio::ip;
namespace urls = boost::urls;

std::string base64(const std::string& text) {
  std::string encoded(4 * ((text.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  return encoded;
}

bool is_in_network(const std::string& network, const std::string& host) {
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  if (error) {
    return false;
  }
  if (address.is_v4()) {
    const auto v4 = ip::make_network_v4(network, error);
    return !error &&
           (v4.canonical() == ip::network_v4(address.to_v4(), v4.prefix_length()).canonical());
  }
  const auto v6 = ip::make_network_v6(network, error);
  return !error &&
         (v6.canonical() == ip::network_v6(address.to_v6(), v6.prefix_length()).canonical());
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return result;
}

bool is_match(std::string item, const std::string& host) {
  if (item == "*" || is_in_network(item, host)) {
    return true;
  }
  if (item.starts_with('.')) {
    item.erase(0, 1);
  }
  return !item.empty() && (host == item || host.ends_with("." + item));
}

Result<Proxy> parse_proxy(const std::string& source, const std::string& value) {
  const std::string text = value.find("://") == std::string::npos ? "http://" + value : value;
  const auto url = urls::parse_uri(text);
  // The value may hold a password: it is not shown.
  if (!url || url->encoded_host().empty()) {
    return fail(Code::kUsage, source + " is no address of a proxy: write http://HOST:PORT");
  }
  if (url->scheme_id() != urls::scheme::http) {
    return fail(Code::kUsage, source + " names a proxy of " + std::string(url->scheme()) +
                                  ": only http:// ones are known. Unset it, or list the server in "
                                  "NO_PROXY");
  }
  Proxy proxy{.host = url->host_type() == urls::host_type::ipv6 ? std::string(url->host_address())
                                                                : std::string(url->host()),
              .port = url->has_port() ? std::string(url->port()) : "1080",
              .authorization = {},
              .source = source};
  if (url->has_userinfo()) {
    proxy.authorization = "Basic " + base64(url->user() + ":" + url->password());
  }
  return proxy;
}

}  // namespace

Environment proxy_environment() {
  Environment environment;
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                           "no_proxy", "NO_PROXY"}) {
    if (const char* value = std::getenv(name)) {
      environment[name] = value;
    }
  }
  return environment;
}

bool is_listed(std::string_view list, const std::string& host) {
  const std::string name = lower(host);
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", "), list.size());
    if (is_match(lower(list.substr(0, end)), name)) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

Result<std::optional<Proxy>> proxy_for(const Base& server, const Environment& environment) {
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const auto list = environment.find(name);
    if (list != environment.end() && is_listed(list->second, server.host)) {
      return std::optional<Proxy>();
    }
  }
  using Names = std::initializer_list<const char*>;
  for (const char* name : server.tls ? Names{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}
                                     : Names{"http_proxy", "all_proxy", "ALL_PROXY"}) {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) {
      continue;
    }
    auto proxy = parse_proxy(name, found->second);
    return proxy ? Result<std::optional<Proxy>>(std::move(*proxy))
                 : tl::make_unexpected(proxy.error());
  }
  return std::optional<Proxy>();
}

}  // namespace rdev::http
