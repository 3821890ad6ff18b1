#pragma once

#include <functional>
#include <memory>

#include "protocol/base/asio.h"
#include "protocol/link/endpoint.h"
#include "protocol/rdev.pb.h"

namespace rdev::front {

// The agent wants a stream below one of ours: a connection has come there.
using OnAccepted = std::function<void(const Accepted&, std::unique_ptr<link::Offer>)>;

// A link, as a front uses it. Code::kClosed and Code::kTimeout: there is none; other errors are the
// agent's refusal, as link::Endpoint::open() has it.
class Streams {
 public:
  virtual ~Streams() = default;
  virtual awaitable<Result<link::Opened>> open(StreamRequest request) = 0;
  // For a stream below which the agent opens others: `accepted` gets them until forget().
  virtual awaitable<Result<link::Opened>> listen(StreamRequest request, OnAccepted accepted) = 0;
  virtual void forget(mux::StreamId id) = 0;
};

}  // namespace rdev::front
