#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/result.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// What is kept with the job NAME, in its directory, mode 0600.

// Its background tunnels; none when there is no such file.
Result<std::vector<Tunnel>> load_tunnels(const state::Paths& paths, const std::string& job);
Result<void> save_tunnels(const state::Paths& paths, const std::string& job,
                          const std::vector<Tunnel>& tunnels);

// The port of `rdev connect` (CONNECT; RAW: of its --raw), so that editors find the job again where
// it was.
std::optional<std::uint16_t> load_connect_port(const state::Paths& paths, const std::string& job,
                                               Tunnel::Kind kind);
Result<void> save_connect_port(const state::Paths& paths, const std::string& job, Tunnel::Kind kind,
                               std::uint16_t port);

}  // namespace rdev::tunnels
