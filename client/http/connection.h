#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>

#include "protocol/base/asio.h"

namespace rdev::http {

// Duplex bytes to a server. One read and one write may be pending at a time.
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

std::unique_ptr<Connection> over(asio::ip::tcp::socket socket);
std::unique_ptr<Connection> over(asio::local::stream_protocol::socket socket);

awaitable<Result<std::unique_ptr<Connection>>> connect_tcp(std::string host, std::string port);

}  // namespace rdev::http
