#pragma once

#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/ssh/keys.h"

namespace rdev::state {

// The host key that the front of the job NAME shows to stock SSH on this laptop (the agent has one
// of its own): 0600 in the job's directory, made at submission. Where it is missing (the job is of
// an older rdev, or of another laptop) it is made now, and the job's known_hosts, if there is one,
// gets it, too.
Result<ssh::PrivateKey> front_key(const Paths& paths, const std::string& name);

// Who may log in there: whoever has the job's own key or the user's long-lived one.
std::vector<ssh::PublicKey> front_authorized(const Paths& paths, const std::string& name);

}  // namespace rdev::state
