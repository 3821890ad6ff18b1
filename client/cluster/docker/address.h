#pragma once

#include <optional>
#include <string>

#include "client/http/tls.h"
#include "protocol/base/result.h"

namespace rdev::cluster::docker {

// Where an engine is.
struct EngineAddress {
  enum class Kind { kUnix, kTcp, kSsh };
  Kind kind = Kind::kUnix;
  std::string path;  // unix: the socket; ssh: the socket there, empty for the default
  std::string user;  // ssh; may be empty
  std::string host;  // tcp, ssh; an IPv6 address without its brackets
  std::string port;  // tcp; ssh: may be empty
  std::optional<http::TlsOptions> tls;  // files as the docker command lays them out
  std::string text;                     // as it was given
  std::string source;                   // who named it: "DOCKER_HOST", "context NAME", "default"
};

// "unix:///path", "tcp://host[:port]", "ssh://[user@]host[:port][/socket]". A tcp address without a
// port gets it from set_default_port().
Result<EngineAddress> parse_host(const std::string& text);

// docker's own ports: 2376 with TLS, 2375 without.
void set_default_port(EngineAddress& address);

// The engine's ports on 127.0.0.1 are this machine's.
bool is_local(const EngineAddress& address);

}  // namespace rdev::cluster::docker
