#pragma once

#include "agent/lifetime.h"
#include "agent/link/kinds.h"
#include "agent/services/agent_forwards.h"
#include "agent/services/forwards.h"
#include "agent/services/listeners.h"
#include "agent/services/sessions.h"
#include "agent/tidy.h"
#include "protocol/sshd/server.h"

namespace rdev::agent {

// What serves the streams of links. All must outlive them; `server` is used for the first time when
// a link asks for it.
struct LinkServices {
  services::Sessions& sessions;
  services::Forwards& forwards;
  services::Listeners& listeners;
  services::AgentForwards& agents;
  sshd::Server& server;
  Lifetime& lifetime;
  Tidy& tidy;
};

agent_link::Kinds link_kinds(LinkServices services);

// Checks what a peer asks for. The error is a sentence, Code::kUsage; Code::kNotFound: a kind that
// this agent does not know.
Result<services::SessionRequest> session_request(Session request);
Result<services::ForwardTarget> forward_target(TcpTarget target);
Result<std::string> unix_target(UnixTarget target);
Result<services::ListenTarget> listen_target(Listen request);

}  // namespace rdev::agent
