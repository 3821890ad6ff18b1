#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ssh/channel.h"
#include "protocol/sshd/agent_forward.h"
#include "protocol/sshd/host.h"

namespace rdev::sshd {

// The requests of one session channel (RFC 4254 section 6): collects terminal and environment until
// exec, shell or a subsystem starts the service. A start that is refused may be tried again, as
// some clients do; after one that succeeded every further one is refused.
class Session final : public ssh::ChannelRequests {
 public:
  Session(Host& host, std::shared_ptr<const Peer> peer, std::shared_ptr<AgentForward> agent)
      : host_(host), peer_(std::move(peer)), agent_(std::move(agent)) {}

  bool on_request(ssh::Channel& channel, std::string_view type, ssh::Reader body,
                  ssh::Reply reply) override;
  // The service has answered its start.
  void started(bool accepted) { state_ = accepted ? State::kStarted : State::kCollecting; }

 private:
  enum class State { kCollecting, kStarting, kStarted };

  bool on_pty(ssh::Reader body, ssh::Reply reply);
  bool on_env(ssh::Reader body, ssh::Reply reply);
  bool on_start(ssh::Channel& channel, std::string_view type, ssh::Reader body, ssh::Reply reply);
  bool on_event(ssh::Channel& channel, std::string_view type, ssh::Reader body, ssh::Reply reply);
  const SessionHandler* find(std::string_view type, std::string_view name) const;

  Host& host_;
  std::shared_ptr<const Peer> peer_;
  std::shared_ptr<AgentForward> agent_;  // of the connection
  State state_ = State::kCollecting;
  std::optional<Pty> pty_;
  std::vector<std::pair<std::string, std::string>> env_;
  std::size_t env_bytes_ = 0;
};

}  // namespace rdev::sshd
