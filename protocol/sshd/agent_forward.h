#pragma once

#include <memory>
#include <vector>

#include "protocol/ssh/channel.h"
#include "protocol/ssh/connection.h"
#include "protocol/sshd/host.h"

namespace rdev::sshd {

// Agent forwarding of one connection (OpenSSH's PROTOCOL.agent; auth-agent-req@openssh.com): once a
// session was granted it, it holds for the connection and its later sessions, as in sshd.
//
// Shared by the connection, its sessions and the coroutine that asks.
class AgentForward final : public std::enable_shared_from_this<AgentForward> {
 public:
  AgentForward(Host& host, std::shared_ptr<const Peer> peer,
               std::weak_ptr<ssh::Connection> connection)
      : host_(host), peer_(std::move(peer)), connection_(std::move(connection)) {}
  AgentForward(const AgentForward&) = delete;
  AgentForward& operator=(const AgentForward&) = delete;

  // A session asks; answered when the handler has.
  void ask(ssh::Reply reply);
  // Asked for and not refused, so far.
  bool wanted() const { return lent_ != nullptr || !waiting_.empty(); }
  // The connection is over.
  void stop();

 private:
  static awaitable<void> lend(std::shared_ptr<AgentForward> self);

  Host& host_;
  const std::shared_ptr<const Peer> peer_;
  const std::weak_ptr<ssh::Connection> connection_;
  std::vector<ssh::Reply> waiting_;
  std::shared_ptr<void> lent_;  // as AgentHandler returns it
  bool stopped_ = false;
};

}  // namespace rdev::sshd
