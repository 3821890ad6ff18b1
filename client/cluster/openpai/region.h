#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"

namespace rdev::cluster::openpai {

struct Region {
  Injection injection;
  std::string stub;              // the stub program's bytes; kStub only
  std::string agent_sha256;      // lower-case hex
  std::uint64_t agent_size = 0;  // bytes
  std::string role = "rdev";     // as the server writes it: [a-z][a-z0-9]*
  int instances = 1;
  std::chrono::seconds attach_timeout{900};
  std::optional<std::chrono::seconds> lifetime;
  bool has_commands = false;  // others than the region's own
  bool exit_with_command = false;
  std::map<std::string, std::string> env;
};

// Text in single quotes as it has to be for commands that come through an environment variable of
// Kubernetes, which makes "$" of "$$" and knows "$(NAME)": 'a$$b' becomes 'a$''$b'.
std::string unexpanded(std::string quoted);

// The items of `commands` from mark to mark, these included.
std::vector<std::string> region_commands(const Region& region);

}  // namespace rdev::cluster::openpai
