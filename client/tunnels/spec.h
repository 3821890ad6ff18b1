#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// -L, -R and -D as ssh(1) writes them; -D has no target: [BIND:]PORT or /PATH. The others:
// [BIND:]PORT:HOST:PORT, [BIND:]PORT:/PATH, /PATH:HOST:PORT, /PATH:/PATH. IPv6 addresses stand in
// brackets, a ':' in a path is written "\:". PORT 0 listens on any free port. BIND is an address;
// "" and "*" are every address, none and "localhost" only this machine (for -R: only the job), by
// IPv4 and IPv6. The error says which part is wrong.
Result<Tunnel> parse_spec(Tunnel::Kind kind, std::string_view text);

// A spec that parse_spec() reads as the same tunnel; for CONNECT and RAW only where it listens.
std::string to_spec(const Tunnel& tunnel);

// "localhost:8080", "[::1]:80", "*:80" or a path. `bound_port`: where it really listens.
std::string listen_text(const Tunnel& tunnel, std::uint32_t bound_port = 0);
// "localhost:80", a path, "its SSH server", "its agent", or "SOCKS".
std::string target_text(const Tunnel& tunnel);
// "localhost:8080 -> localhost:80 in NAME", "localhost:8080 in NAME -> localhost:80".
std::string describe(const Tunnel& tunnel, std::uint32_t bound_port, const std::string& job);
// "local", "remote", "connect", "dynamic", "raw".
const char* kind_name(Tunnel::Kind kind);

// Both listen at one place, or both want any free port for one target.
bool same_place(const Tunnel& one, const Tunnel& other);
bool same_target(const Tunnel& one, const Tunnel& other);

// One tunnel, also when it listens elsewhere than it wants to.
bool same_tunnel(const Tunnel& one, const Tunnel& other);

// "port 8080 is taken here: listening on 8081"; empty when it is where it wants to be.
std::string moved_text(const TunnelState& state);

}  // namespace rdev::tunnels
