#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/commands/context.h"
#include "client/commands/doctor_report.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {

// One row of what `rdev doctor` looks at. All rows look at once; what has not ended after
// kCheckLimit is a fault of its own, so a row asks nothing that it need not.
struct Check {
  std::string name;
  std::function<awaitable<Findings>()> look;
};

inline constexpr std::chrono::milliseconds kCheckLimit{1500};

// Of this machine. Nothing is made, started or repaired by a look, apart from the directory of
// sockets.
awaitable<Findings> check_program();
awaitable<Findings> check_ssh();
awaitable<Findings> check_ssh_config(const state::Paths& paths);
awaitable<Findings> check_configuration(const state::Paths& paths);
awaitable<Findings> check_directories(const state::Paths& paths);
awaitable<Findings> check_permissions(const state::Paths& paths);
awaitable<Findings> check_sockets(const state::Paths& paths);
awaitable<Findings> check_leftovers(const state::Paths& paths);
awaitable<Findings> check_proxies();
awaitable<Findings> check_docker();
awaitable<Findings> check_cluster(const state::Paths& paths, templates::ClusterEntry entry);
awaitable<Findings> check_ssh_entries(const state::Paths& paths);
awaitable<Findings> check_link(const state::Paths& paths, std::string job);

// Of one job, or instance. Starts its link process, as `rdev exec` does.
awaitable<Findings> check_job(Context& context, std::string name);

}  // namespace rdev::commands
