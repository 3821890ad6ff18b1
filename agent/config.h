#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/services/denials.h"
#include "protocol/base/asio.h"
#include "protocol/ssh/keys.h"

namespace rdev::agent {

// What an agent is to do; AgentConfig of rdev.proto, checked.
struct Config {
  std::string job_name, job_id;
  ssh::PrivateKey host_key;
  std::vector<ssh::PublicKey> authorized_keys;  // at least one
  std::vector<asio::ip::tcp::endpoint> listen;
  std::string socket;  // absolute; empty: none
  std::optional<std::chrono::seconds> lifetime;
  bool exit_with_command = false;
  bool login_shell = false;
  bool quiet = false;
  std::string fallback_home;  // absolute; empty: none
  services::Denials denials;
};

// What the command line adds to a config that several instances of a job share.
struct Additions {
  std::optional<std::uint32_t> instance;  // the host key is ssh::instance_seed()'s
  std::optional<asio::ip::tcp::endpoint> listen;
  bool listens = false;  // on a socket that is none of the config's
};

// An AgentConfig in protobuf's encoding. The error names the field.
Result<Config> parse_config(std::string_view bytes, const Additions& more = {});

// The same from a file of at most 1 MiB that only its owner can read: it holds the host key.
Result<Config> load_config(const std::filesystem::path& path);

// A whole file, as above. `what` names it in errors.
Result<std::string> read_private_file(const std::filesystem::path& path, std::string_view what);
// All that `fd` has, at most 1 MiB.
Result<std::string> read_all(int fd, const std::string& name);

}  // namespace rdev::agent
