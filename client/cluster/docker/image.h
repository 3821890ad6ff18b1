#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/cluster/docker/engine.h"

namespace rdev::cluster::docker {

// The registry of a name without one.
inline constexpr std::string_view kDefaultRegistry = "docker.io";

// "[REGISTRY/]NAME[:TAG][@DIGEST]" (github.com/distribution/reference), as far as we look into it.
struct ImageName {
  std::string registry;    // kDefaultRegistry when the name has none
  std::string repository;  // as written: registry and name without tag and digest
  std::string version;     // the digest, else the tag, else "latest": what to pull
};
// Code::kUsage for what can be no reference.
Result<ImageName> parse_image(const std::string& image);

// What the engine knows of an image (docker image inspect).
struct ImageFacts {
  std::string os;
  std::string architecture;  // Go's name: "amd64"
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::string user;
};
ImageFacts image_facts(const json::value& inspected);

// A sentence when the agent can't run in it.
Result<void> check_runnable(const std::string& image, const ImageFacts& facts);

// nullopt when the engine does not have it.
awaitable<Result<std::optional<ImageFacts>>> inspect_image(Engine& engine, std::string image);

// Follows the engine's account of a pull.
class PullProgress final {
 public:
  // One message; an error when it tells of one.
  Result<void> take(const json::value& message, const std::string& image);
  // "43 % of 120 MB", or what the engine does without a measure ("Extracting"); may be empty.
  std::string text() const;

 private:
  struct Layer {
    std::int64_t current = 0;
    std::int64_t total = 0;
  };
  std::map<std::string, Layer> layers_;
  std::string status_;
};

// Why a pull failed, from the engine's message.
Error pull_error(const std::string& image, int status, const std::string& message);

// Pulls `image`; `auth` is the X-Registry-Auth header's value, empty for none.
awaitable<Result<void>> pull_image(Engine& engine, std::string image, std::string auth,
                                   const Cluster::Progress& progress);

}  // namespace rdev::cluster::docker
