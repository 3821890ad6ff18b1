#include "client/cluster/docker/address.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace rdev::cluster::docker {
namespace {

namespace urls = boost::urls;

tl::unexpected<Error> bad_host(const std::string& text, const std::string& why) {
  return fail(Code::kUsage, "docker host \"" + text + "\": " + why +
                                "; write unix:///path, tcp://host:port or ssh://user@host");
}

Result<EngineAddress> parse_unix(const std::string& text) {
  EngineAddress address;
  address.path = text.substr(std::string("unix://").size());
  if (address.path.empty() || address.path[0] != '/') {
    return bad_host(text, "the socket's path must be absolute");
  }
  return address;
}

// The path becomes a word of a remote shell's command line.
bool plain_path(const std::string& path) {
  return path.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
         std::string::npos;
}

Result<EngineAddress> parse_network(const std::string& text, const urls::url_view& url) {
  EngineAddress address;
  address.kind = url.scheme() == "ssh" ? EngineAddress::Kind::kSsh : EngineAddress::Kind::kTcp;
  address.user = url.user();
  address.host = url.host_type() == urls::host_type::ipv6 ? url.host_address() : url.host();
  address.port = std::string(url.port());
  address.path = url.path();
  if (address.path == "/") {
    address.path.clear();
  }
  if (!address.port.empty() && url.port_number() == 0) {
    return bad_host(text, "\"" + address.port + "\" is no port");
  }
  if (url.has_password()) {
    return bad_host(text, "a password does not belong into the address, use a key");
  }
  if (url.has_query() || url.has_fragment() || !plain_path(address.path)) {
    return bad_host(text, "there is more behind the host than an address has");
  }
  if (address.kind == EngineAddress::Kind::kTcp) {
    if (!address.path.empty() || !address.user.empty()) {
      return bad_host(text, "a tcp address is only host and port");
    }
    if (address.host.empty()) {
      address.host = "127.0.0.1";
    }
  } else if (address.host.empty()) {
    return bad_host(text, "the host is missing");
  }
  return address;
}

}  // namespace

Result<EngineAddress> parse_host(const std::string& text) {
  Result<EngineAddress> address;
  if (text.starts_with("unix://")) {
    address = parse_unix(text);
  } else if (text.starts_with("tcp://") || text.starts_with("ssh://")) {
    const auto url = urls::parse_uri(text);
    if (!url) {
      return bad_host(text, "this is not an address");
    }
    address = parse_network(text, *url);
  } else {
    return bad_host(text, "this kind of address is not known here");
  }
  if (address) {
    address->text = text;
  }
  return address;
}

void set_default_port(EngineAddress& address) {
  if (address.kind == EngineAddress::Kind::kTcp && address.port.empty()) {
    address.port = address.tls ? "2376" : "2375";
  }
}

bool is_local(const EngineAddress& address) {
  switch (address.kind) {
    case EngineAddress::Kind::kUnix:
      return true;
    case EngineAddress::Kind::kTcp:
      return address.host == "localhost" || address.host == "::1" ||
             address.host.starts_with("127.");
    case EngineAddress::Kind::kSsh:
      return false;
  }
  return false;
}

}  // namespace rdev::cluster::docker
