#pragma once

#include <functional>
#include <memory>

#include "protocol/base/asio.h"
#include "protocol/link/endpoint.h"
#include "protocol/rdev.pb.h"

namespace rdev::agent_link {

// Serves one stream from its offer to its end. Runs as a task of the link and is cancelled when
// that ends.
template <class Request>
using KindHandler = std::function<awaitable<void>(Request, std::unique_ptr<link::Offer>)>;

// Asks the laptop for a stream below the one that asked for such: a connection has come.
using OpenChild = std::function<awaitable<Result<std::unique_ptr<stream::Stream>>>(Accepted)>;
template <class Request>
using ParentHandler =
    std::function<awaitable<void>(Request, OpenChild, std::unique_ptr<link::Offer>)>;

// What a laptop may ask for, by the kinds of StreamRequest. What has no handler is refused by name.
struct Kinds {
  KindHandler<Session> session;
  KindHandler<TcpTarget> tcp;
  KindHandler<UnixTarget> unix_socket;
  ParentHandler<Listen> listen;
  ParentHandler<LendAgent> lend_agent;
  KindHandler<SshServer> ssh;
  KindHandler<Extend> extend;
};

}  // namespace rdev::agent_link
