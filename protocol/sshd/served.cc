#include "protocol/sshd/served.h"

#include <cstdio>

#include "protocol/base/log.h"
#include "protocol/sshd/direct_forwards.h"
#include "protocol/sshd/session.h"

namespace rdev::sshd {
namespace {

using base::Field;

// "rdev_MAJOR.MINOR" with the minor in two digits: clients built on npm's ssh2 refuse OpenSSH's
// extensions to a server whose version does not hold two digits in a row.
std::string software() {
  int major = 0;
  int minor = 0;
  std::sscanf(RDEV_VERSION, "%d.%d", &major, &minor);
  char text[64];
  std::snprintf(text, sizeof text, "rdev_%d.%02d", major, minor);
  return text;
}

}  // namespace

Served::Served(Host& host, Peer peer, Door door, std::function<void(Served&)> ended)
    : host_(host),
      peer_(std::make_shared<Peer>(std::move(peer))),
      ended_(std::move(ended)),
      grace_(host.executor, host.limits.login_grace),
      may_drop_(door == Door::kPublic) {}

Served::~Served() {
  if (transport_) {
    transport_->detach();
  }
}

Result<void> Served::start(base::Fd socket) {
  auto transport = ssh::Transport::serve(
      host_.executor, std::move(socket),
      {.host_key = host_.host_key, .software = software(), .clients = host_.limits.clients}, *this);
  if (!transport) {
    return tl::make_unexpected(transport.error());
  }
  transport_ = std::move(*transport);
  connection_ = std::make_shared<ssh::Connection>(
      host_.executor, *transport_, *this,
      ssh::Connection::Options{.channels = host_.limits.sessions_per_connection});
  remote_forwards_ = std::make_shared<RemoteForwards>(host_, peer_, connection_);
  agent_ = std::make_shared<AgentForward>(host_, peer_, connection_);
  grace_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto self = weak.lock(); self && !error && !self->authenticated_) {
      base::log_info("login took too long", {{"remote", self->peer_->remote_address}});
      self->transport_->disconnect(ssh::DisconnectReason::kByApplication,
                                   "the login took too long");
    }
  });
  return {};
}

void Served::stop(std::string_view why) {
  transport_->disconnect(ssh::DisconnectReason::kByApplication, why);
}

void Served::drop() {
  dropped_ = true;
  base::log_debug("dropped before its login", {{"remote", peer_->remote_address}});
  transport_->disconnect(ssh::DisconnectReason::kTooManyConnections,
                         "too many connections wait to log in: try again");
}

void Served::too_many_failures() {
  base::log_info("too many authentication failures", {{"remote", peer_->remote_address}});
  transport_->disconnect(ssh::DisconnectReason::kNoMoreAuthMethods,
                         "too many authentication failures");
}

// Counts every request as failed until may_login() knows better: libssh answers some without
// asking, such as a key type that it does not know. The first probe for the methods is free, as in
// OpenSSH.
void Served::on_auth_request(std::string_view method) {
  if (authenticated_) {
    return;
  }
  if (failures_ >= host_.limits.auth_tries) {
    return too_many_failures();
  }
  if (method != "none" || none_asked_) {
    ++failures_;
  }
  none_asked_ = true;
}

bool Served::may_login(std::string_view user, const ssh::PublicKey& key,
                       ssh::Transport::Proof proof) {
  const std::string name(user);
  if (!host_.authorizer.may_login(name, key)) {
    base::log_info("login refused",
                   {{"user", name}, {"key", key.fingerprint()}, {"remote", peer_->remote_address}});
    if (failures_ >= host_.limits.auth_tries) {
      too_many_failures();
    }
    return false;
  }
  --failures_;
  if (proof == ssh::Transport::Proof::kVerified) {
    authenticated_ = true;
    grace_.cancel();
    peer_->user = name;
    peer_->key_fingerprint = key.fingerprint();
    base::log_info(
        "login",
        {{"user", name}, {"key", peer_->key_fingerprint}, {"remote", peer_->remote_address}});
  }
  return true;
}

void Served::on_packet(ssh::Message type, std::string_view payload) {
  connection_->packet(type, payload);
}

void Served::on_writable() { connection_->writable(); }

void Served::on_closed(const Error& why) {
  grace_.cancel();
  connection_->closed(why);
  remote_forwards_->stop();
  agent_->stop();
  const Field remote{"remote", peer_->remote_address};
  base::log(authenticated_ ? base::LogLevel::kInfo : base::LogLevel::kDebug, "connection ended",
            {remote, {"why", why.message}});
  ended_(*this);
}

bool Served::on_channel(std::string_view type, ssh::Reader body,
                        std::unique_ptr<ssh::ChannelOffer> offer) {
  if (type == "session") {
    offer->accept()->set_requests(std::make_unique<Session>(host_, peer_, agent_));
    return true;
  }
  switch (take_direct_forward(host_, peer_, type, body, offer)) {
    case Taken::kYes:
      return true;
    case Taken::kMalformed:
      return false;
    case Taken::kOtherType:
      break;
  }
  offer->refuse(stream::Refusal::kUnknownType, "no such channel type here");
  return true;
}

bool Served::on_global_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply) {
  return !RemoteForwards::is_one(type) ||
         remote_forwards_->on_request(type, body, std::move(reply));
}

}  // namespace rdev::sshd
