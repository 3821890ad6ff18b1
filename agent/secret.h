#pragma once

#include <strings.h>

#include <string>

namespace rdev::agent {

// Overwrites a secret before its memory is given back.
inline void wipe(std::string& secret) {
  ::explicit_bzero(secret.data(), secret.capacity());
  secret.clear();
}

}  // namespace rdev::agent
