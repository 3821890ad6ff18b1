#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "protocol/ssh/connection.h"
#include "protocol/ssh/transport.h"
#include "protocol/sshd/agent_forward.h"
#include "protocol/sshd/host.h"
#include "protocol/sshd/remote_forwards.h"

namespace rdev::sshd {

// One connection to the server, from its first byte to its last.
class Served final : public ssh::Transport::Owner,
                     public ssh::Connection::Handler,
                     public std::enable_shared_from_this<Served> {
 public:
  enum class Door {
    kPublic,   // anybody may have come in
    kPrivate,  // somebody else has looked at the peer already
  };
  // `ended` is called once, last.
  Served(Host& host, Peer peer, Door door, std::function<void(Served&)> ended);
  ~Served() override;

  Result<void> start(base::Fd socket);
  void stop(std::string_view why);
  bool authenticated() const { return authenticated_; }
  // Counts among those who wait to log in: not yet, not dropped, and not let in by somebody else.
  bool is_waiting() const { return may_drop_ && !authenticated_ && !dropped_; }
  std::chrono::steady_clock::time_point since() const { return since_; }
  // Ends one that waits, for others.
  void drop();

  void on_auth_request(std::string_view method) override;
  bool may_login(std::string_view user, const ssh::PublicKey& key,
                 ssh::Transport::Proof proof) override;
  void on_packet(ssh::Message type, std::string_view payload) override;
  void on_writable() override;
  void on_closed(const Error& why) override;

  bool on_channel(std::string_view type, ssh::Reader body,
                  std::unique_ptr<ssh::ChannelOffer> offer) override;
  bool on_global_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply) override;

 private:
  void too_many_failures();

  Host& host_;
  std::shared_ptr<Peer> peer_;
  std::function<void(Served&)> ended_;
  asio::steady_timer grace_;
  std::shared_ptr<ssh::Transport> transport_;
  std::shared_ptr<ssh::Connection> connection_;  // nobody else keeps it: forwards look for it
  std::shared_ptr<RemoteForwards> remote_forwards_;
  std::shared_ptr<AgentForward> agent_;
  const std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  const bool may_drop_;
  bool authenticated_ = false;
  bool dropped_ = false;
  bool none_asked_ = false;
  int failures_ = 0;
};

}  // namespace rdev::sshd
