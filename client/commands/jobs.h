#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/of_record.h"
#include "client/commands/context.h"
#include "client/sshconfig/entry.h"
#include "client/state/job_record.h"

namespace rdev::commands {

using cluster::end_sentence;
using cluster::ref_of;

Result<cluster::Cluster*> cluster_of(Context& context, const state::JobRecord& record);
const char* state_name(cluster::JobState state);

// NAME or NAME.RANK as given (state::instance_name), or by default from the working directory;
// Code::kUsage when it is none.
Result<std::string> instance_name(const std::string& given);
// The same of what is for whole jobs: `NAME.2` is Code::kUsage.
Result<std::string> job_name(const std::string& given);

// The job's lock; says on stderr that it waits when another rdev holds it.
Result<base::Fd> lock_or_wait(const Context& context, const std::string& name);

// Finishes what a crashed rdev began to submit or remove. A cluster that cannot be asked is a note
// on stderr; the record stays for the next time.
awaitable<void> clean_up_crashed(Context& context);

// Ends the job and forgets it. The lock must be held.
awaitable<Result<void>> remove_job(Context& context, state::JobRecord record);
// Forgets it only: what serves it on this machine ends.
awaitable<Result<void>> forget_job(Context& context, std::string name);

// A job that a cluster has under our owner label.
struct ClusterJob {
  std::string cluster;
  cluster::ListedJob job;
};
struct ClusterJobs {
  std::vector<ClusterJob> jobs;
  std::vector<Error> unreachable;  // clusters that could not be asked
};
// From these clusters, or all when empty.
awaitable<Result<ClusterJobs>> list_by_label(Context& context, std::vector<std::string> clusters);

// The record of NAME, or one made from a cluster's labels when the state is lost. Code::kNotFound
// says which clusters could not be asked.
awaitable<Result<state::JobRecord>> find_job(Context& context, std::string name);
state::JobRecord record_from(const ClusterJob& found);

// The key that opens the job: its own, or the long-lived one when the state was lost.
std::filesystem::path identity_file(const Context& context, const std::string& name);
// Makes the job's front key if it has none; its directory must be there.
Result<sshconfig::Entry> ssh_entry(const Context& context, const state::JobRecord& record);

}  // namespace rdev::commands
