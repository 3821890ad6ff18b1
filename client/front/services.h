#pragma once

#include <functional>

#include "client/front/children.h"
#include "protocol/sshd/server.h"

namespace rdev::front {

// What an SSH client may ask a front for: the same as of the agent's own server. `joints` must
// outlive the server.
sshd::Services services(Joints& joints, std::function<void()> connection_ended);

// The session of an SSH client, as the agent is asked for it.
Session session_request(Session::Kind kind, const sshd::Peer& peer, sshd::SessionStart start);

}  // namespace rdev::front
