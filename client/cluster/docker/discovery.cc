#include "client/cluster/docker/discovery.h"

#include <openssl/sha.h>

#include "client/cluster/docker/json.h"
#include "protocol/base/file.h"

namespace rdev::cluster::docker {
namespace {

constexpr std::size_t kMaxMetaBytes = 1 << 20;

// A context's directories are named by the SHA-256 of its name.
std::string context_id(const std::string& name) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

http::TlsOptions tls_files(const std::filesystem::path& dir, bool verify) {
  return http::TlsOptions{dir / "ca.pem", dir / "cert.pem", dir / "key.pem", verify};
}

Result<EngineAddress> from_environment(const std::string& host, std::string source,
                                       const DockerConfig& config, const Getenv& env) {
  auto address = parse_host(host);
  if (!address) {
    return prefix(source, address.error());
  }
  address->source = std::move(source);
  const bool verify = !env("DOCKER_TLS_VERIFY").empty();
  if (address->kind == EngineAddress::Kind::kTcp && (verify || !env("DOCKER_TLS").empty())) {
    const std::string dir = env("DOCKER_CERT_PATH");
    address->tls = tls_files(dir.empty() ? config.dir : std::filesystem::path(dir), verify);
  }
  set_default_port(*address);
  return address;
}

Result<EngineAddress> from_context(const std::string& name, const std::string& named_by,
                                   const DockerConfig& config) {
  const std::string id = context_id(name);
  const auto path = config.dir / "contexts" / "meta" / id / "meta.json";
  auto text = base::read_file(path, kMaxMetaBytes);
  if (!text) {
    if (text.error().code == Code::kNotFound) {
      return fail(Code::kUsage, "docker context \"" + name + "\" (named by " + named_by +
                                    ") does not exist; `docker context ls` shows those that do");
    }
    return prefix("docker context \"" + name + "\"", text.error());
  }
  auto meta = parse_json(*text, path.string());
  if (!meta) {
    return tl::make_unexpected(meta.error());
  }
  auto address = parse_host(text_at(*meta, "/Endpoints/docker/Host"));
  if (!address) {
    return prefix("docker context \"" + name + "\"", address.error());
  }
  address->source = "context " + name;
  const auto tls_dir = config.dir / "contexts" / "tls" / id / "docker";
  const bool skip_verify = bool_at(*meta, "/Endpoints/docker/SkipTLSVerify");
  std::error_code ignored;  // an unreadable directory is one without files
  if (address->kind == EngineAddress::Kind::kTcp &&
      (skip_verify || std::filesystem::exists(tls_dir, ignored))) {
    address->tls = tls_files(tls_dir, !skip_verify);
  }
  set_default_port(*address);
  return address;
}

// Empty: none is chosen.
std::string context_of(const DockerConfig& config, const Getenv& env) {
  const std::string context = env("DOCKER_CONTEXT");
  return context.empty() ? text_at(config.config, "/currentContext") : context;
}

}  // namespace

Result<EngineAddress> find_engine(const std::string& host, const DockerConfig& config,
                                  const Getenv& env) {
  if (!host.empty()) {
    return from_environment(host, "option", config, env);
  }
  if (const std::string value = env("DOCKER_HOST"); !value.empty()) {
    return from_environment(value, "DOCKER_HOST", config, env);
  }
  const std::string context = context_of(config, env);
  const std::string named_by =
      env("DOCKER_CONTEXT").empty() ? (config.dir / "config.json").string() : "DOCKER_CONTEXT";
  if (!context.empty() && context != "default") {
    return from_context(context, named_by, config);
  }
  return from_environment("unix:///var/run/docker.sock", "default", config, env);
}

std::map<std::string, std::string> pin_engine(const DockerConfig& config, const Getenv& env) {
  std::map<std::string, std::string> pinned;
  for (const char* name :
       {"DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "HOME"}) {
    if (std::string value = env(name); !value.empty()) {
      pinned[name] = std::move(value);
    }
  }
  std::error_code error;
  const auto dir = std::filesystem::absolute(config.dir, error);
  pinned["DOCKER_CONFIG"] = (error ? config.dir : dir).string();
  const std::string context = context_of(config, env);
  pinned["DOCKER_CONTEXT"] = context.empty() ? "default" : context;
  return pinned;
}

}  // namespace rdev::cluster::docker
