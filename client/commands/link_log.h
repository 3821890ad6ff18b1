#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "client/cluster/cluster.h"
#include "protocol/base/asio.h"

namespace rdev::commands {

// The log of a job's link processes, from its start; with kYes until the job is forgotten.
awaitable<Result<void>> read_link_log(std::filesystem::path file, cluster::Cluster::Follow follow,
                                      cluster::Cluster::LogSink sink);

}  // namespace rdev::commands
