#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/openpai/listing.h"
#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// Which jobs of a cluster, in which order. Empty lists: any.
struct JobQuery {
  std::vector<std::string> users, states, virtual_clusters, priorities;
  std::vector<std::string> tags;      // at least one of them
  std::vector<std::string> not_tags;  // none of them
  std::string keyword;                // part of the name, the user or the virtual cluster
  std::string order;                  // "FIELD,ASC" or "FIELD,DESC"; empty: the newest first
  std::size_t offset = 0;
  std::size_t limit = 5000;
};

// A server answers no more at once (400).
inline constexpr std::size_t kMaxJobsAtOnce = 50000;

// Path and query of GET /api/v2/jobs, with the total asked for.
std::string job_query_target(const JobQuery& query);

// What the server orders by, as people write it and as it does: "name" -> "jobName".
struct OrderField {
  const char* word;
  const char* field;
};
const std::vector<OrderField>& order_fields();
// "submitted", "gpus:asc": what query.order becomes. Times and numbers begin with the greatest
// unless ":asc" is said, words with the first. Code::kUsage names the fields.
Result<std::string> parse_order(const std::string& text);

// The answer of a server before 1.2, which knows `username` only: the jobs that the query means, in
// its order, of its page; `total` is set.
JobList filtered(JobList all, const JobQuery& query);

}  // namespace rdev::cluster::openpai
