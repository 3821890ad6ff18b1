#pragma once

#include "client/commands/context.h"
#include "client/commands/job_plan.h"
#include "client/commands/jobs.h"
#include "client/state/job_record.h"
#include "client/ui/progress.h"

namespace rdev::commands {

// What launch() would send, for people; keys are made and thrown away.
Result<std::string> preview(Context& context, JobPlan plan);

// The three ways to have the job NAME. The job's lock must be held.

// Makes the keys, writes the intent, submits, waits for the agent, writes the ssh entry. When it
// fails or a signal comes (Code::kCancelled, `*signal` set), nothing is left of the job.
awaitable<Result<state::JobRecord>> launch(Context& context, JobPlan plan, ui::Progress& progress,
                                           int* signal);

// A job with a record: asks its cluster and the agent, and refreshes endpoints and ssh entry.
awaitable<Result<state::JobRecord>> reattach(Context& context, state::JobRecord record,
                                             ui::Progress& progress);

// A living job without a record, found by its labels: the same with the long-lived key.
// nullopt when the cluster has no such job.
awaitable<Result<std::optional<state::JobRecord>>> take_over(Context& context,
                                                             std::string cluster_name,
                                                             std::string name,
                                                             ui::Progress& progress);

// The same of a job that was found already.
awaitable<Result<state::JobRecord>> take_over(Context& context, ClusterJob found,
                                              ui::Progress& progress);

}  // namespace rdev::commands
