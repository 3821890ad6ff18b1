#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "client/http/connection.h"

namespace rdev::http {

// PEM files; one that does not exist is not used. Without `ca` the system's certificates count,
// with it those in it alone.
struct TlsOptions {
  std::filesystem::path ca, cert, key;
  bool verify = true;
};

// TLS over `inner`, after the handshake with `host`. (Asio's ssl::stream has no half-close, which a
// hijacked connection needs, and takes long to compile.)
awaitable<Result<std::unique_ptr<Connection>>> start_tls(std::unique_ptr<Connection> inner,
                                                         TlsOptions options, std::string host);

}  // namespace rdev::http
