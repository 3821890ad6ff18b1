#include "agent/endpoint.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace rdev::agent {

Result<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kUsage, "bad address \"" + std::string(text) + "\": " + std::string(why) +
                                  "; write ADDRESS:PORT as in 127.0.0.1:2222 or [::1]:2222");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return refuse("there is no port");
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return refuse("the port is no number up to 65535");
  }
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(std::string(host), bad);
  if (bad || address.is_v6() != bracketed) {
    return refuse(bad ? "it does not start with an IP address"
                      : "IPv6 addresses, and only those, stand in brackets");
  }
  return asio::ip::tcp::endpoint(address, port);
}

}  // namespace rdev::agent
