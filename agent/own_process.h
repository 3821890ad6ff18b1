#pragma once

#include "agent/process/environment.h"
#include "agent/process/spawn.h"
#include "protocol/base/fd.h"

namespace rdev::agent {

// Must run before anything else opens a file: 0, 1 and 2 are open afterwards, so that no other
// descriptor takes their place.
void open_standard_fds();

// User and host names come from files and DNS, whatever the image's nsswitch.conf says: its modules
// would be loaded into a static program.
void pin_name_services();

// What the agent makes of its own process when it serves, and what it found.
struct OwnProcess {
  process::Environment environment;  // the job's, as it came
  process::JobLimits limits;         // to be given back to children
  base::Fd program;                  // the agent's own file, to be executed without a path
};

// Not dumpable, no SIGPIPE, reaper of its orphans, as many descriptors as it may have, later than
// its sessions in the kernel's out-of-memory choice. What a container forbids is left as it is.
OwnProcess prepare_own_process();

}  // namespace rdev::agent
