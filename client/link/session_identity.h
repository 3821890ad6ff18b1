#pragma once

#include <string>

#include "client/state/paths.h"
#include "protocol/base/result.h"
#include "protocol/rdev.pb.h"

namespace rdev::link_process {

// What the job's link process says first to the agent. The session in it is the one of the link
// process before, so that its streams go on, unless the machine was started anew meanwhile; its
// secret is kept in a file of the job's directory (0600). `job_id`: the record's.
Result<Hello> make_hello(const state::Paths& paths, const std::string& job,
                         const std::string& job_id);

}  // namespace rdev::link_process
