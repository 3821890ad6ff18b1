#include "client/tunnels/called.h"

#include <algorithm>
#include <iterator>

#include "client/state/job_record.h"
#include "client/tunnels/spec.h"

namespace rdev::tunnels {
namespace {

// As if it listened on `port`.
bool is_called(Tunnel tunnel, std::uint32_t port, std::string_view text) {
  if (text == tunnel.name() || text == tunnel.listen_path()) {
    return true;
  }
  if (port != 0 && (text == std::to_string(port) || text == listen_text(tunnel, port))) {
    return true;
  }
  auto meant = parse_spec(tunnel.kind(), text);
  if (!meant) {
    return false;
  }
  tunnel.set_listen_port(port);
  if (meant->listen_port() == 0) {
    meant->set_listen_port(port);
  }
  return same_tunnel(*meant, tunnel);
}

}  // namespace

Result<void> check_name(const std::string& name) {
  if (!state::valid_job_name(name) || name == "all") {
    return fail(Code::kUsage,
                "'" + name +
                    "' is no name for a tunnel: a to z first, then a to z, 0 to 9 and "
                    "'-', at most 31, and not all");
  }
  return {};
}

std::vector<TunnelState> all_called(const std::vector<TunnelState>& states, std::string_view text) {
  std::vector<TunnelState> found;
  if (text.empty()) {
    return found;
  }
  const auto by_bound = [text](const TunnelState& state) {
    return is_called(state.tunnel(), state.bound_port(), text);
  };
  const auto by_wanted = [text](const TunnelState& state) {
    return is_called(state.tunnel(), state.tunnel().listen_port(), text);
  };
  std::copy_if(states.begin(), states.end(), std::back_inserter(found), by_bound);
  if (found.empty()) {
    std::copy_if(states.begin(), states.end(), std::back_inserter(found), by_wanted);
  }
  return found;
}

}  // namespace rdev::tunnels
