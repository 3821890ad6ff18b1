#pragma once

#include <optional>
#include <string>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::templates {

// config.yaml in the configuration directory.
struct Config {
  std::optional<std::string> cluster;  // where `rdev up` starts jobs unless told otherwise
};

// Without the file: the defaults.
Result<Config> load_config(const state::Paths& paths);

// Sets `cluster` in the file; what else is in it stays as it was written. Empty: takes it out.
Result<void> select_cluster(const state::Paths& paths, const std::string& name);

}  // namespace rdev::templates
