#pragma once

#include "protocol/base/task_group.h"
#include "protocol/sshd/server.h"

namespace rdev::sshd {

// What the parts of a server borrow from it.
struct Host {
  asio::any_io_executor executor;
  ssh::PrivateKey host_key;
  Authorizer& authorizer;
  Services services;
  Limits limits;
  base::TaskGroup tasks;
};

}  // namespace rdev::sshd
