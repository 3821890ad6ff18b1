#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/ssh/keys.h"
#include "protocol/stream/stream.h"

namespace rdev::ssh {

struct ClientOptions {
  std::string user;
  PublicKey host_key;  // pinned: any other ends the handshake with Code::kPermission
  std::uint32_t window = 2 * 1024 * 1024;  // of each channel, for what comes in
};

// The client's side of one SSH connection.
class Client final {
 public:
  // Handshake, pin and public-key authentication over a connected stream socket.
  // Code::kPermission: wrong host key (the message names both fingerprints) or user key refused.
  static awaitable<Result<std::unique_ptr<Client>>> connect(base::Fd socket, ClientOptions options,
                                                            const PrivateKey& user_key);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Session channels; the stream's events carry the exit status.
  awaitable<Result<std::unique_ptr<stream::Stream>>> exec(std::string_view command);
  awaitable<Result<std::unique_ptr<stream::Stream>>> subsystem(std::string_view name);
  awaitable<Result<std::unique_ptr<stream::Stream>>> direct_tcpip(std::string_view host,
                                                                  std::uint16_t port);
  // Says goodbye and closes the socket.
  awaitable<void> disconnect();

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdev::ssh
