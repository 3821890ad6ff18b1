#include "client/http/url.h"

#include <boost/url/parse.hpp>

namespace rdev::http {

namespace urls = boost::urls;

std::string Base::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

std::string Base::text() const { return (tls ? "https://" : "http://") + authority() + path; }

Result<Target> parse_url(std::string_view text) {
  const auto url = urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  const auto wrong = fail(Code::kUsage, "'" + std::string(text) +
                                            "' is no address: write https://HOST[:PORT][/PATH], or "
                                            "http://…");
  if (!url || (url->scheme_id() != urls::scheme::https && url->scheme_id() != urls::scheme::http) ||
      url->encoded_host_name().empty() == (url->host_type() == urls::host_type::name) ||
      // "http://h:x" is h and the path "x" to Boost 1.81.
      !(url->encoded_path().empty() || url->encoded_path().starts_with('/'))) {
    return wrong;
  }
  if (url->has_userinfo()) {
    return fail(Code::kUsage,
                "a URL with a user or a password in it is not taken: it would be "
                "shown and stored in clear");
  }
  Target target;
  target.base.tls = url->scheme_id() == urls::scheme::https;
  target.base.host = url->host_type() == urls::host_type::ipv6 ? std::string(url->host_address())
                                                               : std::string(url->host());
  target.base.port = url->has_port() && !url->port().empty() ? std::string(url->port())
                     : target.base.tls                       ? "443"
                                                             : "80";
  if (url->has_port() && !url->port().empty() && url->port_number() == 0) {
    return wrong;
  }
  target.rest = std::string(url->encoded_path());
  if (target.rest.empty()) {
    target.rest = "/";
  }
  if (url->has_query()) {
    target.rest += "?" + std::string(url->encoded_query());
  }
  return target;
}

Result<Base> parse_base(std::string_view text) {
  auto target = parse_url(text);
  if (!target) {
    return tl::make_unexpected(target.error());
  }
  if (target->rest.find('?') != std::string::npos || text.find('#') != std::string_view::npos) {
    return fail(Code::kUsage, "'" + std::string(text) +
                                  "' has more than a path: leave out what "
                                  "stands from '?' or '#' on");
  }
  while (target->rest.ends_with('/')) {
    target->rest.pop_back();
  }
  target->base.path = std::move(target->rest);
  return std::move(target->base);
}

}  // namespace rdev::http
