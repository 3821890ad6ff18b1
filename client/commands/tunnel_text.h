#pragma once

#include <string>
#include <vector>

#include "protocol/rdev.pb.h"

namespace rdev::commands {

using TunnelStates = std::vector<TunnelState>;

// {"tunnels": [{kind, listen, target, bound_port, problem, connections, bytes_in, bytes_out,
// refused, last_refusal}]}
std::string tunnels_as_json(const TunnelStates& tunnels);
// One row each, with a head; a sentence when there is none.
std::string tunnels_as_table(const TunnelStates& tunnels, const std::string& job);
// "127.0.0.1:8080 -> localhost:80 in NAME", a line each.
std::string tunnels_as_lines(const TunnelStates& tunnels, const std::string& job);

}  // namespace rdev::commands
