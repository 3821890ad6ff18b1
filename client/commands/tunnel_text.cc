#include "client/commands/tunnel_text.h"

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
  return state.refused() == 0
             ? ""
             : std::to_string(state.refused()) + " refused: " + state.last_refusal();
}

}  // namespace

std::string tunnels_as_json(const TunnelStates& tunnels) {
  json::array list;
  for (const TunnelState& state : tunnels) {
    list.push_back(json::object{
        {"kind", tunnels::kind_name(state.tunnel().kind())},
        {"listen", tunnels::listen_text(state.tunnel(), state.bound_port())},
        {"target", tunnels::target_text(state.tunnel())},
        {"bound_port", state.bound_port()},
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
  return ui::render_table(rows);
}

std::string tunnels_as_lines(const TunnelStates& tunnels, const std::string& job) {
  std::string text;
  for (const TunnelState& state : tunnels) {
    text += tunnels::describe(state.tunnel(), state.bound_port(), job) + "\n";
  }
  return text;
}

}  // namespace rdev::commands
