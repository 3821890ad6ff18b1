#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "protocol/ssh/client.h"

namespace rdev::commands {

struct Reach {
  cluster::Cluster& cluster;
  cluster::JobRef ref;
  ssh::ClientOptions ssh;  // the login name and the pinned host key
  const ssh::PrivateKey& user_key;
  std::chrono::seconds limit{60};
};

// Waits until the agent answers: a real SSH handshake with the pinned host key and the job's key.
// Returns the endpoints, the best that answered first in the list. Ends early when the job has
// ended (the message has the last lines of its log) and when a key is refused.
awaitable<Result<std::vector<cluster::Endpoint>>> wait_for_agent(const Reach& reach);

}  // namespace rdev::commands
