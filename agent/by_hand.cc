#include "agent/by_hand.h"

#include <unistd.h>

#include <filesystem>

#include "agent/endpoint.h"
#include "agent/secret.h"
#include "protocol/base/file.h"

namespace rdev::agent {
namespace {

constexpr std::size_t kMaxKeys = std::size_t{1} << 20;
constexpr std::uint16_t kSshPort = 22;

Result<ssh::PrivateKey> make_host_key(const std::string& path) {
  ssh::PrivateKey key = ssh::PrivateKey::generate();
  std::string pem = key.pem("rdev-agent");
  const auto written = base::write_file_atomic(path, pem, 0600);
  wipe(pem);
  if (!written) {
    return prefix("the host key", written.error());
  }
  return key;
}

Result<ssh::PrivateKey> host_key_by_hand(const std::string& path) {
  if (path.empty()) {
    return ssh::PrivateKey::generate();
  }
  auto pem = read_private_file(path, "the host key");
  if (!pem) {
    return pem.error().code == Code::kNotFound ? make_host_key(path)
                                               : tl::make_unexpected(pem.error());
  }
  auto key = ssh::PrivateKey::parse(*pem);
  wipe(*pem);
  if (!key) {
    return prefix("the host key " + path, key.error());
  }
  return key;
}

Result<std::vector<ssh::PublicKey>> keys_by_hand(const std::string& path) {
  const auto text = base::read_file(path, kMaxKeys);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  auto keys = ssh::parse_authorized_keys(*text);
  if (!keys) {
    return prefix(path, keys.error());
  }
  if (keys->empty()) {
    return fail(Code::kUsage, path +
                                  " holds no key: put your public key there (ssh-keygen -t "
                                  "ed25519 makes one)");
  }
  return keys;
}

Result<services::Denials> denials_by_hand(std::string_view words) {
  services::Denials denials;
  for (bool more = !words.empty(); more;) {
    const std::string_view word = words.substr(0, words.find(','));
    more = word.size() < words.size();
    words.remove_prefix(word.size() + (more ? 1 : 0));
    bool* const denied = word == "local-tcp"      ? &denials.local_tcp
                         : word == "remote-tcp"   ? &denials.remote_tcp
                         : word == "unix-sockets" ? &denials.unix_sockets
                         : word == "agent"        ? &denials.agent
                                                  : nullptr;
    if (denied == nullptr) {
      return fail(Code::kUsage, "'" + std::string(word) +
                                    "' cannot be denied: write local-tcp, remote-tcp, "
                                    "unix-sockets or agent, with commas between them");
    }
    *denied = true;
  }
  return denials;
}

// Belongs to us or is not used, so a name that others know does no harm.
std::string fallback_home() {
  std::error_code error;
  const auto temporary = std::filesystem::temp_directory_path(error);
  return (error ? "/tmp" : temporary) / ("rdev-home-" + std::to_string(::geteuid()));
}

// Where the agent can be reached: the host's name when it listens on every address.
std::string host_of(const asio::ip::tcp::endpoint& endpoint) {
  char name[256] = {};
  if (endpoint.address().is_unspecified() && ::gethostname(name, sizeof name - 1) == 0) {
    return name;
  }
  return endpoint.address().to_string();
}

}  // namespace

Result<Config> config_by_hand(const ByHand& options) {
  const auto endpoint = parse_endpoint(options.listen);
  if (!endpoint) {
    return tl::make_unexpected(endpoint.error());
  }
  auto keys = keys_by_hand(options.authorized_keys);
  if (!keys) {
    return tl::make_unexpected(keys.error());
  }
  const auto denials = denials_by_hand(options.deny);
  if (!denials) {
    return tl::make_unexpected(denials.error());
  }
  auto host_key = host_key_by_hand(options.host_key);
  if (!host_key) {
    return tl::make_unexpected(host_key.error());
  }
  return Config{.host_key = *std::move(host_key),
                .authorized_keys = *std::move(keys),
                .listen = {*endpoint},
                .exit_with_command = options.exit_with_command,
                .fallback_home = fallback_home(),
                .denials = *denials};
}

std::string greeting(const ssh::PublicKey& host_key, const asio::ip::tcp::endpoint& endpoint,
                     const std::string& user) {
  const std::string host = host_of(endpoint);
  const std::string port = std::to_string(endpoint.port());
  const bool standard = endpoint.port() == kSshPort;
  return "Listening on " + text(endpoint) + ", host key " + host_key.fingerprint() +
         "\n\nFor ~/.ssh/known_hosts:\n" + (standard ? host : '[' + host + "]:" + port) + ' ' +
         host_key.text() + "\n\nConnect with:\nssh " + (standard ? "" : "-p " + port + ' ') + user +
         '@' + host + '\n';
}

}  // namespace rdev::agent
