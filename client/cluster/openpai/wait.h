#pragma once

#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/openpai/api.h"

namespace rdev::cluster::openpai {

// Returns when the job's containers run. Reports on the way what it waits for, by the job's events.
// Code::kClosed with the platform's own diagnosis when the job is over before that;
// Code::kUsage when it can never run (its image is not there).
awaitable<Result<void>> wait_until_it_runs(Api& api, const std::string& key,
                                           const Cluster::Progress& progress);

}  // namespace rdev::cluster::openpai
