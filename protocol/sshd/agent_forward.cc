#include "protocol/sshd/agent_forward.h"

#include "protocol/base/log.h"
#include "protocol/sshd/client_channel.h"

namespace rdev::sshd {

bool AgentForward::ask() {
  if (lent_) {
    return true;
  }
  if (stopped_ || !host_.services.agent) {
    return false;
  }
  OpenBack back = [connection = connection_](const Originator&) {
    return open_client_channel(connection, "auth-agent@openssh.com", "");
  };
  auto lent = host_.services.agent(*peer_, std::move(back));
  if (!lent) {
    base::log_info("no agent forwarding",
                   {{"why", lent.error().message}, {"remote", peer_->remote_address}});
    return false;
  }
  lent_ = *std::move(lent);
  return true;
}

void AgentForward::stop() {
  stopped_ = true;
  lent_.reset();
}

}  // namespace rdev::sshd
