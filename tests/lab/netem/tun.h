#pragma once

#include <string>

#include "protocol/base/fd.h"

namespace rdev::netem {

// The network namespace of the job's side: new, with nothing in it. It lives as long as the
// descriptor, or a process in it.
base::Fd make_namespace();

// A TUN device `name` in that namespace (-1: the process's own), not blocking: what the kernel
// sends over it can be read, whole packets; what is written arrives. Gone with the descriptor.
base::Fd open_tun(int network_namespace, const std::string& name);

}  // namespace rdev::netem
