#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "agent/config.h"

namespace rdev::agent {

// `serve --listen`: what the command line says instead of a config.
struct ByHand {
  std::string listen;           // ADDRESS:PORT
  std::string authorized_keys;  // file
  std::string host_key;         // file, made when missing; empty: a key for this run only
  std::string deny;             // words of Denials with commas between them
  bool exit_with_command = false;
};

Result<Config> config_by_hand(const ByHand& options);

// For the person who started it: the fingerprint, the known_hosts line, the ssh command.
std::string greeting(const ssh::PublicKey& host_key, const asio::ip::tcp::endpoint& endpoint,
                     const std::string& user);

}  // namespace rdev::agent
