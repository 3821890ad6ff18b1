#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "client/cluster/cluster.h"
#include "client/cluster/openpai/api.h"

namespace rdev::cluster::openpai {

// What the platform has kept of the output of one instance: of its last attempt, also when that is
// over.
awaitable<Result<void>> read_logs(Api& api, std::string key, int instance, Cluster::Follow follow,
                                  Cluster::LogSink sink);

// Which log of a job.
struct LogChoice {
  // The task; null while there is none.
  std::function<const Task*(const JobDetail&)> task;
  std::optional<int> attempt;       // of the job: an earlier one, which says nothing new any more
  std::string name;                 // "stdout", "stderr" …; empty: all there is of its output
  std::optional<std::size_t> tail;  // no more than its last lines to begin with
};
// Code::kNotFound when there is no such task, or none of that name; it names those that are there.
awaitable<Result<void>> read_logs(Api& api, std::string key, LogChoice choice,
                                  Cluster::Follow follow, Cluster::LogSink sink);

}  // namespace rdev::cluster::openpai
