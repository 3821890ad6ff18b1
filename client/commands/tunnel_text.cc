#include "client/commands/tunnel_text.h"

#include <algorithm>
#include <boost/json.hpp>

#include "client/tunnels/spec.h"
#include "client/ui/table.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

std::string last_problem(const TunnelState& state) {
  if (!state.problem().empty()) {
    return state.problem();
  }
  if (state.refused() == 0 && !tunnels::moved_text(state).empty()) {
    return std::to_string(state.tunnel().listen_port()) + " was taken";
  }
  return state.refused() == 0
             ? ""
             : std::to_string(state.refused()) + " refused: " + state.last_refusal();
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

std::string tunnels_as_json(const TunnelStates& tunnels) {
  json::array list;
  for (const TunnelState& state : tunnels) {
    list.push_back(json::object{
        {"name", state.tunnel().name()},
        {"kind", tunnels::kind_name(state.tunnel().kind())},
        {"listen", tunnels::listen_text(state.tunnel(), state.bound_port())},
        {"target", tunnels::target_text(state.tunnel())},
        {"bound_port", state.bound_port()},
        {"asked_port", state.tunnel().listen_port()},
        {"note", tunnels::moved_text(state)},
        {"problem", state.problem()},
        {"connections", state.connections()},
        {"bytes_in", state.bytes_in()},
        {"bytes_out", state.bytes_out()},
        {"refused", state.refused()},
        {"last_refusal", state.last_refusal()},
    });
  }
  return json::serialize(json::object{{"tunnels", std::move(list)}}) + "\n";
}

std::string tunnels_as_table(const TunnelStates& tunnels, const std::string& job) {
  if (tunnels.empty()) {
    return job + " has no background tunnels\n";
  }
  std::vector<std::vector<std::string>> rows = {
      {"KIND", "LISTEN", "TARGET", "CONNECTIONS", "IN", "OUT", "PROBLEM"}};
  for (const TunnelState& state : tunnels) {
    rows.push_back({tunnels::kind_name(state.tunnel().kind()),
                    tunnels::listen_text(state.tunnel(), state.bound_port()),
                    tunnels::target_text(state.tunnel()), std::to_string(state.connections()),
                    ui::format_bytes(state.bytes_in()), ui::format_bytes(state.bytes_out()),
                    last_problem(state)});
  }
  const bool named = std::any_of(tunnels.begin(), tunnels.end(), [](const TunnelState& state) {
    return !state.tunnel().name().empty();
  });
  for (std::size_t i = 0; named && i < rows.size(); ++i) {
    rows[i].insert(rows[i].begin(), i == 0 ? "NAME" : tunnels[i - 1].tunnel().name());
  }
  return ui::render_table(rows);
}

std::string tunnels_as_lines(const TunnelStates& tunnels, const std::string& job) {
  std::string text;
  for (const TunnelState& state : tunnels) {
    text += tunnels::describe(state.tunnel(), state.bound_port(), job) + "\n";
  }
  return text;
}

std::string exposure_text(const TunnelState& state, const std::string& job, HostNetwork network) {
  const Tunnel& tunnel = state.tunnel();
  const bool remote = tunnel.kind() == Tunnel::REMOTE;
  if (!tunnel.listen_path().empty()) {
    return "";
  }
  if (!is_loopback(tunnel.listen_host())) {
    return "whoever can reach " + (remote ? "the machine of " + job : std::string("this machine")) +
           " can use " + tunnels::listen_text(tunnel, state.bound_port());
  }
  if (!remote || network == HostNetwork::kOwn) {
    return "";
  }
  Tunnel at_path = tunnel;
  at_path.set_listen_path("/PATH");
  return "others on the machine of " + job + " can connect to its port " +
         std::to_string(state.bound_port()) + ", for the job shares that machine's network (-R " +
         tunnels::to_spec(at_path) + " would be a unix socket that only you can use)";
}

}  // namespace rdev::commands
