#pragma once

#include <string>
#include <vector>

#include "protocol/laptop.pb.h"

namespace rdev::commands {

using TunnelStates = std::vector<TunnelState>;

// {"tunnels": [{name, kind, listen, target, bound_port, asked_port, note, problem, connections,
// bytes_in, bytes_out, refused, last_refusal}]}
std::string tunnels_as_json(const TunnelStates& tunnels);
// One row each, with a head; a sentence when there is none.
std::string tunnels_as_table(const TunnelStates& tunnels, const std::string& job);
// "localhost:8080 -> localhost:80 in NAME", a line each.
std::string tunnels_as_lines(const TunnelStates& tunnels, const std::string& job);

enum class HostNetwork { kOwn, kShared };  // the job's: cluster::Cluster::shares_host_network
// Who else than the user, and the job for -R, can connect to it; empty when nobody can.
std::string exposure_text(const TunnelState& state, const std::string& job, HostNetwork network);

}  // namespace rdev::commands
