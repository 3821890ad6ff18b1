#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/cluster/docker/address.h"
#include "client/cluster/docker/child.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::docker {

// `ssh HOST docker system dial-stdio`: the engine's socket of another machine, as the docker
// command reaches it. It asks nothing: there is no terminal to ask at.
class SshCarrier final {
 public:
  struct Started;
  // `socket` speaks to the engine until it or the carrier dies.
  static Result<Started> start(const EngineAddress& address);

  // What ssh wrote to its stderr, one line, at most 1 KiB.
  std::string complaint() const;

 private:
  SshCarrier(Child child, base::Fd errors) : child_(std::move(child)), errors_(std::move(errors)) {}

  Child child_;
  base::Fd errors_;  // a file in memory, so that ssh never waits for us to read it
};

struct SshCarrier::Started {
  base::Fd socket;
  std::unique_ptr<SshCarrier> carrier;
};

// The command line for `address`.
std::vector<std::string> ssh_command(const EngineAddress& address);

}  // namespace rdev::cluster::docker
