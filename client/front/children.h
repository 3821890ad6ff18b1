#pragma once

#include <memory>
#include <string>

#include "client/front/streams.h"
#include "protocol/base/task_group.h"
#include "protocol/sshd/server.h"
#include "protocol/stream/join.h"

namespace rdev::front {

// What the handlers of a front share.
struct Joints {
  Joints(const asio::any_io_executor& executor, Streams& link) : streams(link), tasks(executor) {}

  Streams& streams;
  stream::Passed passed;
  base::TaskGroup tasks;  // connections that the agent opened
};

// What the agent opens below a stream of ours becomes channels towards the SSH client. `joints`
// must outlive the coroutines and what they return.

awaitable<Result<std::unique_ptr<sshd::Listening>>> listen(Joints& joints,
                                                           sshd::ListenTarget target);
awaitable<Result<std::shared_ptr<void>>> lend_agent(Joints& joints, std::string user,
                                                    sshd::OpenBack open_back);

}  // namespace rdev::front
