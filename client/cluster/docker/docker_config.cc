#include "client/cluster/docker/docker_config.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "client/cluster/docker/json.h"
#include "protocol/base/file.h"

namespace rdev::cluster::docker {
namespace {

constexpr std::size_t kMaxConfigBytes = 4 << 20;

std::string home_dir(const Getenv& env) {
  if (std::string home = env("HOME"); !home.empty()) {
    return home;
  }
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_dir : "/";
}

}  // namespace

std::string process_getenv(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<DockerConfig> read_docker_config(const Getenv& env) {
  DockerConfig result;
  result.dir = env("DOCKER_CONFIG");
  if (result.dir.empty()) {
    result.dir = std::filesystem::path(home_dir(env)) / ".docker";
  }
  const auto path = result.dir / "config.json";
  auto text = base::read_file(path, kMaxConfigBytes);
  if (!text) {
    if (text.error().code == Code::kNotFound) {
      return result;
    }
    if (text.error().code == Code::kPermission) {
      text.error().message += "; is it yours? (sudo chown -R $USER " + result.dir.string() + ")";
    }
    return prefix("docker configuration", text.error());
  }
  auto value = parse_json(*text, path.string());
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  result.config = std::move(*value);
  return result;
}

}  // namespace rdev::cluster::docker
