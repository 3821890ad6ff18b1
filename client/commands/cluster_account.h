#pragma once

#include <string>

#include "client/cluster/openpai/login.h"
#include "client/templates/cluster_entry.h"
#include "protocol/base/asio.h"

namespace rdev::commands {

// Where the user's password or token comes from; neither is ever an argument. Those that are given
// here (another tool's) come first, a token before a password.
struct CredentialSource {
  bool password_stdin = false;
  bool token_stdin = false;
  std::string password, token;
};

// What was learnt on the way into a cluster.
struct Member {
  std::string token;
  std::string version;  // the server's
  cluster::openpai::Claims claims;
};

// Finds the server of `entry`, whose url becomes that of its API, and logs in: with a token or a
// password from stdin, from RDEV_TOKEN or RDEV_PASSWORD, or asked for at the terminal.
// `command` is the word of `rdev cluster` that leads here again.
awaitable<Result<Member>> join_cluster(templates::ClusterEntry& entry, CredentialSource source,
                                       std::string command);

}  // namespace rdev::commands
