#pragma once

#include "client/cluster/pool.h"

namespace rdev::cluster {

// The machine that this process runs on: the CPUs that it may use, its memory and what of it is
// available (proc(5), meminfo), its NVIDIA GPUs.
Pool this_machine();

}  // namespace rdev::cluster
