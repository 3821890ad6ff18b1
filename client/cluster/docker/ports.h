#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"

namespace rdev::cluster::docker {

// In the container. The agent listens there only when it is published.
inline constexpr std::uint16_t kAgentPort = 2222;

// Where the agent's port is published.
struct Publication {
  std::string address;  // numeric
  std::string port;     // empty: the engine chooses
};

// JobSpec::publish, "ADDRESS" or "ADDRESS:PORT", read; else 127.0.0.1 on a local engine and nothing
// on a remote one. Code::kUsage when it can't be read.
enum class Place { kLocal, kRemote };
Result<std::optional<Publication>> publication(const JobSpec& spec, Place engine);

struct PortBinding {
  std::uint16_t inside = 0;
  std::string address;
  std::string outside;  // empty: the engine chooses
};

// The agent's port first, then the job's, each on its own number where `is_free` says so.
using IsFree = std::function<bool(const std::string& address, std::uint16_t port)>;
std::vector<PortBinding> port_bindings(const JobSpec& spec, const Publication& publication,
                                       const IsFree& is_free);

// Nobody listens there on this machine. True also where we can't know.
bool is_free_here(const std::string& address, std::uint16_t port);

}  // namespace rdev::cluster::docker
