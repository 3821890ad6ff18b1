#include "agent/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/endpoint.h"
#include "agent/secret.h"
#include "protocol/base/fd.h"
#include "protocol/rdev.pb.h"

namespace rdev::agent {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
// The clock's nanoseconds end at 292 years.
constexpr std::uint64_t kMaxLifetime = std::uint64_t{100} * 366 * 24 * 3600;

Result<ssh::PrivateKey> host_key_of(const AgentConfig& message,
                                    std::optional<std::uint32_t> instance) {
  ssh::Seed seed{};
  if (message.host_seed().size() != seed.size()) {
    return fail(Code::kUsage, "host_seed has " + std::to_string(message.host_seed().size()) +
                                  " bytes instead of 32");
  }
  std::copy(message.host_seed().begin(), message.host_seed().end(), seed.begin());
  if (instance) {
    seed = ssh::instance_seed(seed, *instance);
  }
  auto key = ssh::PrivateKey::from_seed(seed);
  ::explicit_bzero(seed.data(), seed.size());
  return key;
}

Result<void> check_path(const std::string& path, std::string_view field) {
  const bool good = path.empty() || (path.front() == '/' && path.find('\0') == std::string::npos);
  return good ? Result<void>() : fail(Code::kUsage, std::string(field) + " is no absolute path");
}

Result<void> read_keys(const AgentConfig& message, Config& config) {
  for (const std::string& line : message.authorized_keys()) {
    auto key = ssh::PublicKey::parse(line);
    if (!key) {
      return prefix("authorized_keys " + std::to_string(config.authorized_keys.size() + 1),
                    key.error());
    }
    config.authorized_keys.push_back(*std::move(key));
  }
  if (config.authorized_keys.empty()) {
    return fail(Code::kUsage, "authorized_keys is empty: nobody could log in");
  }
  return {};
}

Result<void> read_places(const AgentConfig& message, const Additions& more, Config& config) {
  for (const std::string& address : message.listen()) {
    auto endpoint = parse_endpoint(address);
    if (!endpoint) {
      return prefix("listen", endpoint.error());
    }
    config.listen.push_back(*endpoint);
  }
  config.socket = message.socket();
  config.fallback_home = message.fallback_home();
  if (more.listen) {
    config.listen.push_back(*more.listen);
  }
  if (config.socket.empty() && config.listen.empty() && !more.listens) {
    return fail(Code::kUsage, "neither socket nor listen is set: nobody could connect");
  }
  if (auto good = check_path(config.socket, "socket"); !good) {
    return good;
  }
  return check_path(config.fallback_home, "fallback_home");
}

// What this agent cannot deny it must not let pass: the config comes from a newer rdev.
Result<void> read_denials(const AgentConfig& message, Config& config) {
  for (const int what : message.deny()) {
    switch (what) {
      case AgentConfig::LOCAL_TCP:
        config.denials.local_tcp = true;
        break;
      case AgentConfig::REMOTE_TCP:
        config.denials.remote_tcp = true;
        break;
      case AgentConfig::UNIX_SOCKETS:
        config.denials.unix_sockets = true;
        break;
      case AgentConfig::AGENT:
        config.denials.agent = true;
        break;
      default:
        return fail(Code::kUsage, "deny " + std::to_string(what) +
                                      " is nothing that this agent knows: it is older than the "
                                      "rdev that wrote this");
    }
  }
  return {};
}

Result<Config> check(const AgentConfig& message, const Additions& more) {
  auto host_key = host_key_of(message, more.instance);
  if (!host_key) {
    return tl::make_unexpected(host_key.error());
  }
  Config config{.job_name = message.job_name(),
                .job_id = message.job_id(),
                .host_key = *std::move(host_key),
                .exit_with_command = message.exit_with_command(),
                .login_shell = message.login_shell(),
                .quiet = message.quiet()};
  if (message.lifetime_seconds() != 0) {
    config.lifetime = std::chrono::seconds(std::min(message.lifetime_seconds(), kMaxLifetime));
  }
  if (auto read = read_keys(message, config); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = read_places(message, more, config); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = read_denials(message, config); !read) {
    return tl::make_unexpected(read.error());
  }
  return config;
}

}  // namespace

Result<std::string> read_all(int fd, const std::string& name) {
  std::string bytes(kMaxBytes + 1, '\0');  // once and for all: a growing string leaves copies
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return fail_errno("cannot read " + name);
    }
    if (n == 0) {
      bytes.resize(size);
      return bytes;
    }
    size += static_cast<std::size_t>(n);
  }
  return fail(Code::kLimit, name + " is longer than 1 MiB");
}

Result<std::string> read_private_file(const std::filesystem::path& path, std::string_view what) {
  const std::string name = std::string(what) + ' ' + path.string();
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return fail_errno("cannot open " + name);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::kUsage, name + " is not a file");
  }
  if ((status.st_mode & 077) != 0) {
    return fail(Code::kPermission, name + " can be used by others: it holds the host key. Try " +
                                       "chmod 600 " + path.string());
  }
  return read_all(fd.get(), name);
}

Result<Config> parse_config(std::string_view bytes, const Additions& more) {
  AgentConfig message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Code::kUsage, "it is no AgentConfig message: damaged, or not a config at all");
  }
  auto config = check(message, more);
  wipe(*message.mutable_host_seed());
  return config;
}

Result<Config> load_config(const std::filesystem::path& path) {
  auto bytes = read_private_file(path, "the config");
  if (!bytes) {
    return tl::make_unexpected(bytes.error());
  }
  auto config = parse_config(*bytes);
  wipe(*bytes);
  if (!config) {
    return prefix("the config " + path.string(), config.error());
  }
  return config;
}

}  // namespace rdev::agent
