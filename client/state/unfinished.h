#pragma once

#include <string>
#include <vector>

#include "client/state/job_record.h"

namespace rdev::state {

// Jobs whose submission was cut off before the cluster had answered: it may make them after it was
// asked to stop them. Their records wait in unfinished/ID.json for the cluster to be asked again.
Result<void> add_unfinished(const Paths& paths, const JobRecord& record);
// One that can't be read is forgotten.
std::vector<JobRecord> list_unfinished(const Paths& paths);
void remove_unfinished(const Paths& paths, const std::string& id);

}  // namespace rdev::state
