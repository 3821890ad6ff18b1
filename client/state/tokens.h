#pragma once

#include <string>

#include "client/state/paths.h"

namespace rdev::state {

// What lets the user into a cluster: tokens/NAME in the state directory, 0600. Passwords are never
// kept.
Result<void> save_token(const Paths& paths, const std::string& cluster, const std::string& token);
// Code::kNotFound when there is none.
Result<std::string> load_token(const Paths& paths, const std::string& cluster);
// Fine when it is gone already.
Result<void> remove_token(const Paths& paths, const std::string& cluster);

}  // namespace rdev::state
