#include "client/cluster/docker/ports.h"

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::docker {
namespace {

tl::unexpected<Error> bad_publish(const std::string& text, const std::string& why) {
  return fail(Code::kUsage, "--publish " + text + ": " + why +
                                "; write ADDRESS or ADDRESS:PORT, for example 0.0.0.0:2222");
}

bool valid_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0;
}

// "1.2.3.4", "1.2.3.4:5", "::1", "[::1]", "[::1]:5".
Publication split(const std::string& text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) {
      return {text, ""};
    }
    const std::string rest = text.substr(end + 1);
    return {text.substr(1, end - 1), rest.starts_with(':') ? rest.substr(1) : rest};
  }
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.find(':', colon + 1) != std::string::npos) {
    return {text, ""};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

Result<std::optional<Publication>> publication(const JobSpec& spec, Place engine) {
  if (!spec.publish) {
    if (engine == Place::kRemote) {
      return std::optional<Publication>();
    }
    return std::optional<Publication>(Publication{"127.0.0.1", ""});
  }
  const std::string& text = *spec.publish;
  Publication result = split(text);
  if (result.address == "localhost") {
    result.address = "127.0.0.1";
  }
  boost::system::error_code error;
  asio::ip::make_address(result.address, error);
  if (error) {
    return bad_publish(text, "\"" + result.address + "\" is no IP address");
  }
  const bool empty_port = text.ends_with(':') && text.size() > result.address.size();
  if ((!result.port.empty() || empty_port) && !valid_port(result.port)) {
    return bad_publish(text, "\"" + result.port + "\" is no port");
  }
  return std::optional<Publication>(result);
}

std::vector<PortBinding> port_bindings(const JobSpec& spec, const Publication& publication,
                                       const IsFree& is_free) {
  std::vector<PortBinding> bindings = {{kAgentPort, publication.address, publication.port}};
  for (const std::uint16_t port : spec.ports) {
    const bool free = is_free(publication.address, port);
    bindings.push_back({port, publication.address, free ? std::to_string(port) : ""});
  }
  return bindings;
}

bool is_free_here(const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) {
    return true;
  }
  const asio::ip::tcp::endpoint endpoint(ip, port);
  const base::Fd fd(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  // What the last connections left in TIME_WAIT is no obstacle for the engine either.
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return true;
  }
  return ::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ||
         errno != EADDRINUSE;
}

}  // namespace rdev::cluster::docker
