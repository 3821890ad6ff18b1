#include <algorithm>
#include <set>

#include "client/cluster/docker/create_body.h"

namespace rdev::cluster::docker {
namespace {

constexpr std::uint64_t kLeastMemory = 6 << 20;  // the engine's own bound

// A path of its own, not the root and not the agent's volume or what is below or above it.
Result<void> check_mount(const Mount& mount) {
  const std::string text = "--mount " + mount.host + ":" + mount.path + ": ";
  if (!mount.host.starts_with('/')) {
    return fail(Code::kUsage, text + "the host's path must be absolute");
  }
  const std::string path = std::filesystem::path(mount.path).lexically_normal().string();
  if (!path.starts_with('/') || path == "/") {
    return fail(Code::kUsage, text + "the path in the job must be absolute and not /");
  }
  if (path == kVolume || path.starts_with(std::string(kVolume) + "/")) {
    return fail(Code::kUsage, text + kVolume + " belongs to rdev's agent");
  }
  return {};
}

Result<void> check_resources(const JobSpec& spec) {
  if (spec.gpus.value_or(0) < -1) {
    return fail(Code::kUsage, "--gpus " + std::to_string(*spec.gpus) + ": write a number or all");
  }
  if (spec.cpus && !(*spec.cpus >= 0.01 && *spec.cpus < 1e6)) {
    return fail(Code::kUsage,
                "--cpus " + std::to_string(*spec.cpus) + ": docker gives 0.01 CPUs at least");
  }
  if (spec.memory_bytes && (*spec.memory_bytes < kLeastMemory || *spec.memory_bytes > INT64_MAX)) {
    return fail(Code::kUsage,
                "--memory " + std::to_string(*spec.memory_bytes) + ": docker gives 6 MiB at least");
  }
  if (spec.shm_bytes && (*spec.shm_bytes == 0 || *spec.shm_bytes > INT64_MAX)) {
    return fail(Code::kUsage, "shm: must be more than 0");
  }
  return {};
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

Result<void> check_texts(const JobSpec& spec) {
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return fail(Code::kUsage, "--env \"" + name + "\" is no name of an environment variable");
    }
  }
  if (std::any_of(spec.command.begin(), spec.command.end(), has_nul)) {
    return fail(Code::kUsage, "the command has a NUL byte");
  }
  if (!spec.command.empty() && spec.command[0].empty()) {
    return fail(Code::kUsage, "the command's first word is empty");
  }
  return {};
}

Result<void> check_ports(const JobSpec& spec, Place engine) {
  auto published = publication(spec, engine);
  if (!published) {
    return tl::make_unexpected(published.error());
  }
  if (!spec.ports.empty() && !*published) {
    return fail(Code::kUsage,
                "ports: nothing is published on a remote engine unless --publish "
                "ADDRESS says where");
  }
  std::set<std::uint16_t> seen;
  for (const std::uint16_t port : spec.ports) {
    if (port == 0 || !seen.insert(port).second) {
      return fail(Code::kUsage, "ports: " + std::to_string(port) + " is no port, or there twice");
    }
    if (port == kAgentPort) {
      return fail(Code::kUsage, "ports: " + std::to_string(port) +
                                    " is the agent's own; let the job listen on another");
    }
  }
  return {};
}

}  // namespace

Result<void> check_spec(const JobSpec& spec, Place engine) {
  if (spec.image.empty()) {
    return fail(Code::kUsage, "the docker cluster needs an image: --image IMAGE");
  }
  if (auto image = parse_image(spec.image); !image) {
    return tl::make_unexpected(image.error());
  }
  for (const Mount& mount : spec.mounts) {
    if (auto good = check_mount(mount); !good) {
      return good;
    }
  }
  if (auto good = check_resources(spec); !good) {
    return good;
  }
  if (auto good = check_texts(spec); !good) {
    return good;
  }
  return check_ports(spec, engine);
}

}  // namespace rdev::cluster::docker
