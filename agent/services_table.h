#pragma once

#include "agent/link/links.h"
#include "agent/services/forwards.h"
#include "agent/services/sessions.h"
#include "protocol/sshd/server.h"

namespace rdev::agent {

// What a peer of the SSH server may ask for. All must outlive the server.
sshd::Services services_table(services::Sessions& sessions, services::Forwards& forwards,
                              agent_link::Links& links);

}  // namespace rdev::agent
