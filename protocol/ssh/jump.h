#pragma once

#include <cstdint>
#include <string>

#include "protocol/base/result.h"

namespace rdev::ssh {

// Through an SSH server of the user's own to a host behind it, as `ssh -W` does it.
struct Jump {
  std::string user, host, port;  // host may be an alias of ~/.ssh/config; others may be empty
  std::string target_host;
  std::uint16_t target_port = 0;
};

// Joins `in` and `out` to the target until either has ended; blocks. For machines without OpenSSH:
// libssh reads the user's ~/.ssh/config, keys, agent and known_hosts. It asks nothing, so a key
// with a passphrase must be in the agent; it knows no ProxyCommand and no Match exec.
Result<void> jump(const Jump& jump, int in, int out);

}  // namespace rdev::ssh
