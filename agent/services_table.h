#pragma once

#include "agent/link/links.h"
#include "agent/services/agent_forwards.h"
#include "agent/services/forwards.h"
#include "agent/services/listeners.h"
#include "agent/services/sessions.h"
#include "agent/tidy.h"
#include "protocol/sshd/server.h"

namespace rdev::agent {

// What serves the peers of the SSH server. All must outlive it.
struct SshServices {
  services::Sessions& sessions;
  services::Forwards& forwards;
  services::Listeners& listeners;
  services::AgentForwards& agents;
  agent_link::Links& links;
  Tidy& tidy;
};

sshd::Services services_table(SshServices services);

}  // namespace rdev::agent
