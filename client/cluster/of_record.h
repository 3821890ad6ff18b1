#pragma once

#include <string>
#include <vector>

#include "client/cluster/clusters.h"
#include "client/state/job_record.h"

namespace rdev::cluster {

// The job and instance of a record, as its cluster knows them.
JobRef ref_of(const state::JobRecord& record);
Result<Cluster*> cluster_of(Clusters& clusters, const state::JobRecord& record);

// "the job NAME has ended: REASON" or "… is gone from its cluster".
std::string end_sentence(const std::string& name, const JobStatus& status);
bool is_over(const JobStatus& status);

// Code::kClosed with end_sentence() and what to do when the job is over; its cluster's error when
// that cannot be asked.
awaitable<Result<void>> check_alive(Cluster& cluster, const state::JobRecord& record);

// The job's endpoints now, which may be others than the record's.
awaitable<Result<std::vector<Endpoint>>> ask_endpoints(Cluster& cluster,
                                                       const state::JobRecord& record);

struct Dialled {
  base::Fd socket;
  Endpoint endpoint;
};
// A socket to the job's agent: the record's endpoints, or the cluster's when those do not answer
// (an engine may give a restarted container another port). Code::kClosed when the job is over.
awaitable<Result<Dialled>> dial_any(Cluster& cluster, const state::JobRecord& record);

}  // namespace rdev::cluster
