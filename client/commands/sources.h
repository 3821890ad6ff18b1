#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::commands {

// Files and folders, packed.
struct Sources {
  base::Fd archive;  // a tar archive, at its begin; it has no name any more
  std::uint64_t bytes = 0;
  std::string sha256;  // lower-case hex
};

// Each of `given` under its own last name, as tar packs it. Code::kNotFound when one is not there.
Result<Sources> pack_sources(const state::Paths& paths, const std::vector<std::string>& given);

}  // namespace rdev::commands
