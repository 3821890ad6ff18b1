#include "protocol/sshd/agent_forward.h"

#include <utility>

#include "protocol/base/log.h"
#include "protocol/sshd/client_channel.h"

namespace rdev::sshd {
namespace {

constexpr std::size_t kMostWaiting = 256;

}  // namespace

void AgentForward::ask(ssh::Reply reply) {
  if (lent_) {
    return reply.succeed();
  }
  if (stopped_ || !host_.services.agent || waiting_.size() >= kMostWaiting) {
    return;  // refused
  }
  waiting_.push_back(std::move(reply));
  if (waiting_.size() == 1) {
    host_.tasks.spawn("agent forwarding", lend(shared_from_this()));
  }
}

awaitable<void> AgentForward::lend(std::shared_ptr<AgentForward> self) {
  OpenBack back = [connection = self->connection_](const Originator&) {
    return open_client_channel(connection, "auth-agent@openssh.com", "");
  };
  auto lent = co_await self->host_.services.agent(*self->peer_, std::move(back));
  std::vector<ssh::Reply> waiting = std::exchange(self->waiting_, {});
  if (self->stopped_) {
    co_return;
  }
  if (!lent) {
    base::log_info("no agent forwarding",
                   {{"why", lent.error().message}, {"remote", self->peer_->remote_address}});
    co_return;
  }
  self->lent_ = *std::move(lent);
  for (ssh::Reply& reply : waiting) {
    reply.succeed();
  }
}

void AgentForward::stop() {
  stopped_ = true;
  waiting_.clear();
  lent_.reset();
}

}  // namespace rdev::sshd
