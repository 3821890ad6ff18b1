#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/cluster/openpai/api.h"
#include "client/commands/context.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {

// `rdev job` is about any job in the queue of a cluster that has one (OpenPAI), whoever made it.

struct Queue {
  templates::ClusterEntry entry;
  std::unique_ptr<cluster::openpai::Api> api;
};

// The named clusters. By default the one that `rdev up` takes if it has a queue, else the only one
// that has been added. Code::kUsage says which there are.
Result<Queue> find_queue(const Context& context, const std::string& name);
Result<std::vector<Queue>> find_queues(const Context& context,
                                       const std::vector<std::string>& names);
Result<std::vector<Queue>> all_queues(const Context& context);

// Who we are there.
awaitable<Result<std::string>> own_name(Queue& queue);

struct QueuedJob {
  Queue queue;
  std::string user, name;
  std::string key;  // openpai::job_key

  std::string title() const { return user + "~" + name; }
};

// `job` is USER~NAME, NAME for one of our own, or the name of a job that rdev up has started from
// here, which it means first. Whether the server has it is not asked.
awaitable<Result<QueuedJob>> find_queued_job(Context& context, std::string cluster,
                                             std::string job);

// The job's page in the web portal.
std::string job_page(const Queue& queue, const std::string& user, const std::string& job);

}  // namespace rdev::commands
