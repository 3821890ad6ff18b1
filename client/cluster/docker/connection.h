#pragma once

#include <memory>
#include <string>

#include "client/cluster/docker/address.h"
#include "protocol/base/asio.h"

namespace rdev::cluster::docker {

// Duplex bytes to an engine. One read and one write may be pending at a time.
class Connection {
 public:
  virtual ~Connection() = default;
  // At least one byte, or 0 at the end.
  virtual awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) = 0;
  // All of `bytes`, which must stay valid until this returns.
  virtual awaitable<Result<void>> write(asio::const_buffer bytes) = 0;
  // Ends our direction only.
  virtual awaitable<Result<void>> write_eof() = 0;
  // What the program that carries the bytes said about its failure; empty for sockets.
  virtual std::string complaint() const { return {}; }
};

// Code::kUnavailable names the address, the reason and what to try.
awaitable<Result<std::unique_ptr<Connection>>> connect(const EngineAddress& address);

// `reason` with the address before it and what to try behind it.
Error unavailable(const EngineAddress& address, std::string reason, int error = 0);

// TLS over `inner`, after the handshake with `host`. (Asio's ssl::stream has no half-close, which a
// hijacked connection needs, and takes long to compile.)
awaitable<Result<std::unique_ptr<Connection>>> start_tls(std::unique_ptr<Connection> inner,
                                                         const TlsFiles& files, std::string host);

}  // namespace rdev::cluster::docker
