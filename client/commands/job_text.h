#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/cluster/openpai/detail.h"
#include "client/cluster/openpai/listing.h"
#include "client/commands/queued_job.h"
#include "client/ui/table.h"

namespace rdev::commands {

// How the verbs of `rdev job` show jobs.

// A list, page by page.
class JobTable final {
 public:
  struct Columns {
    bool has_clusters = false;
    bool has_users = false;
  };
  JobTable(Columns columns, const ui::Look& look);

  std::string add(const std::string& cluster,
                  const std::vector<cluster::openpai::JobSummary>& jobs);

 private:
  Columns columns_;
  ui::GrowingTable table_;
};

boost::json::object job_json(const Queue& queue, const cluster::openpai::JobSummary& job);

// One job with its tasks. `waits_for`: why it does not run yet; empty where nobody knows.
std::string detail_text(const QueuedJob& job, const cluster::openpai::JobDetail& detail,
                        const std::string& waits_for, const ui::Look& look);
boost::json::object detail_json(const QueuedJob& job, const cluster::openpai::JobDetail& detail,
                                const std::string& waits_for);

// Why a job did not end well, what makes jobs end so, and what the platform advises: several lines.
// Empty for others.
std::string diagnosis_text(const cluster::openpai::JobDetail& detail);

}  // namespace rdev::commands
