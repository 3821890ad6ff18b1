#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/cluster/clusters.h"
#include "client/state/paths.h"
#include "protocol/base/asio.h"
#include "protocol/stream/stream.h"

namespace rdev::link_process {

// A way to the agent that carries the link's frames.
struct Line {
  std::shared_ptr<void> below;  // the SSH connection; outlives the stream
  std::unique_ptr<stream::Stream> stream;
  std::string endpoint;
};

// The job's agent as the link process needs it.
class Agent {
 public:
  virtual ~Agent() = default;
  // Code::kClosed: the job is over. Code::kPermission, kProtocol: the agent refuses us, and will go
  // on to.
  // `progress` is called as answers come from afar, the last one excepted.
  virtual awaitable<Result<Line>> dial(std::function<void()> progress) = 0;
  // Code::kClosed or kNotFound when the job is over; another error when its cluster cannot be
  // asked.
  virtual awaitable<Result<void>> check() = 0;
};

// The agent of the job with this record: pinned, with the job's own key or the long-lived one, in
// the subsystem "rdev-link". The record is read again each time; Code::kNotFound when it is gone or
// became another job's.
Result<std::unique_ptr<Agent>> make_agent(const asio::any_io_executor& executor,
                                          const state::Paths& paths, const std::string& job);

}  // namespace rdev::link_process
