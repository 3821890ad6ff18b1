#pragma once

#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/openpai/api.h"

namespace rdev::cluster::openpai {

// What the platform has kept of the output of one instance: of its last attempt, also when that is
// over.
awaitable<Result<void>> read_logs(Api& api, std::string key, int instance, Cluster::Follow follow,
                                  Cluster::LogSink sink);

}  // namespace rdev::cluster::openpai
