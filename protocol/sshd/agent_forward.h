#pragma once

#include <memory>

#include "protocol/ssh/connection.h"
#include "protocol/sshd/host.h"

namespace rdev::sshd {

// Agent forwarding of one connection (OpenSSH's PROTOCOL.agent; auth-agent-req@openssh.com): once a
// session was granted it, it holds for the connection and its later sessions, as in sshd.
class AgentForward final {
 public:
  AgentForward(Host& host, std::shared_ptr<const Peer> peer,
               std::weak_ptr<ssh::Connection> connection)
      : host_(host), peer_(std::move(peer)), connection_(std::move(connection)) {}
  AgentForward(const AgentForward&) = delete;
  AgentForward& operator=(const AgentForward&) = delete;

  // A session asks. False: refused.
  bool ask();
  bool granted() const { return lent_ != nullptr; }
  // The connection is over.
  void stop();

 private:
  Host& host_;
  const std::shared_ptr<const Peer> peer_;
  const std::weak_ptr<ssh::Connection> connection_;
  std::shared_ptr<void> lent_;  // as AgentHandler returns it
  bool stopped_ = false;
};

}  // namespace rdev::sshd
