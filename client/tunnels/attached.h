#pragma once

#include <string>

#include "client/state/paths.h"
#include "client/tunnels/shared_link.h"

namespace rdev::tunnels {

// What the streams carry: an editor's keystrokes do not wait for much, other bytes may.
enum class Load { kInteractive, kBulk };
// Over the link process of the job; `what` for status and log.
Connect connect_through(const state::Paths& paths, const std::string& job, Load load,
                        const std::string& what = "tunnels");

// A process with many connections needs many descriptors: as many as it may have.
void raise_descriptor_limit();

}  // namespace rdev::tunnels
