#pragma once

#include <string_view>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// A name is made like a job's, so that it is no port and no path; "all" is all of them.
Result<void> check_name(const std::string& name);

// Those of `states` that `text` means: by name, path, spec, or port, where they listen. If there is
// none: by the port that they wanted, but did not get.
std::vector<TunnelState> all_called(const std::vector<TunnelState>& states, std::string_view text);

}  // namespace rdev::tunnels
