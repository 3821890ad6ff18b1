#pragma once

#include <string>

#include "client/cluster/cluster.h"

namespace rdev::cluster::docker {

// What the job was to be made with, for a sentence that names the right thing.
enum class Step { kCreate, kCopy, kStart };

// Why the engine refused a step, from its status and message: known reasons get their own sentence
// and what to try, the engine's words follow in brackets.
Error submit_error(Step step, int status, const std::string& message, const JobSpec& spec);

}  // namespace rdev::cluster::docker
