#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/asio.h"
#include "protocol/laptop.pb.h"

namespace rdev::commands {

// A job's link and tunnels for `rdev status`. Asking starts nothing.
struct LinkReport {
  std::optional<LinkStatus> link;  // absent: no link process
  std::string problem;             // why it could not be asked
  int tunnels = 0;
};
awaitable<LinkReport> ask_link(const state::Paths& paths, std::string job);

// "up", "waiting" …: one word.
std::string link_text(const LinkReport& report);
void add_to(boost::json::object& object, const LinkReport& report);
void add_to(std::vector<std::vector<std::string>>& lines, const LinkReport& report);

}  // namespace rdev::commands
