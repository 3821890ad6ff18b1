#include "protocol/sshd/session.h"

#include "protocol/base/log.h"
#include "protocol/ssh/channel_stream.h"
#include "protocol/ssh/events.h"

namespace rdev::sshd {
namespace {

constexpr std::size_t kMostVariables = 128;
constexpr std::size_t kMostEnvBytes = std::size_t{64} * 1024;
constexpr std::size_t kMostModeBytes = 4096;

// Answers the request that started the session. The channel, which it holds, owns the session.
class StartOffer final : public stream::Offer {
 public:
  StartOffer(std::shared_ptr<ssh::Channel> channel, Session& session, ssh::Reply reply)
      : channel_(std::move(channel)), session_(session), reply_(std::move(reply)) {}
  StartOffer(const StartOffer&) = delete;
  StartOffer& operator=(const StartOffer&) = delete;
  ~StartOffer() override { refuse(stream::Refusal::kProhibited, ""); }

  std::unique_ptr<stream::Stream> accept() override {
    session_.started(true);
    reply_.succeed();
    return std::make_unique<ssh::ChannelStream>(std::exchange(channel_, nullptr));
  }
  // CHANNEL_FAILURE has no room for the reason: it goes ahead of it as standard error.
  void refuse(stream::Refusal, std::string reason) override {
    if (const auto channel = std::exchange(channel_, nullptr)) {
      session_.started(false);
      if (!reason.empty()) {
        channel->say(reason + "\r\n");
      }
      reply_.refuse();
    }
  }

 private:
  std::shared_ptr<ssh::Channel> channel_;  // null once answered
  Session& session_;
  ssh::Reply reply_;
};

awaitable<void> run(const SessionHandler& handler, std::shared_ptr<const Peer> peer,
                    SessionStart start, std::unique_ptr<stream::Offer> offer) {
  co_await handler(*peer, std::move(start), std::move(offer));
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

bool Session::on_request(ssh::Channel& channel, std::string_view type, ssh::Reader body,
                         ssh::Reply reply) {
  if (type == "pty-req") {
    return on_pty(body, std::move(reply));
  }
  if (type == "env") {
    return on_env(body, std::move(reply));
  }
  if (type == "exec" || type == "shell" || type == "subsystem") {
    return on_start(channel, type, body, std::move(reply));
  }
  if (ssh::is_event(type)) {
    return on_event(channel, type, body, std::move(reply));
  }
  if (type == "auth-agent-req@openssh.com") {
    agent_->ask(std::move(reply));
    return true;
  }
  return true;  // refused: x11-req, and what nobody knows
}

bool Session::on_pty(ssh::Reader body, ssh::Reply reply) {
  Pty pty{.term = std::string(body.string())};
  pty.size = ssh::read_size(body);
  pty.modes = body.string();
  if (!body.ok()) {
    return false;
  }
  if (state_ == State::kCollecting && !pty_ && !has_nul(pty.term) &&
      pty.modes.size() <= kMostModeBytes) {
    pty_ = std::move(pty);
    reply.succeed();
  }
  return true;
}

bool Session::on_env(ssh::Reader body, ssh::Reply reply) {
  const std::string_view name = body.string();
  const std::string_view value = body.string();
  if (!body.ok()) {
    return false;
  }
  const std::size_t size = name.size() + value.size();
  const auto& accepts = host_.services.accepts_variable;
  if (state_ == State::kCollecting && (!accepts || accepts(name)) && !name.empty() &&
      !has_nul(name) && !has_nul(value) && name.find('=') == std::string_view::npos &&
      env_.size() < kMostVariables && env_bytes_ + size <= kMostEnvBytes) {
    env_.emplace_back(name, value);
    env_bytes_ += size;
    reply.succeed();
  }
  return true;
}

bool Session::on_event(ssh::Channel& channel, std::string_view type, ssh::Reader body,
                       ssh::Reply reply) {
  auto event = ssh::decode_event(type, body);
  if (!event) {
    return false;
  }
  if (std::holds_alternative<stream::Break>(*event) && !pty_) {
    return true;  // refused: there is no line to hold
  }
  if (state_ != State::kCollecting) {
    channel.push_event(std::move(*event), std::move(reply));
  } else if (const auto* size = std::get_if<stream::WindowChange>(&*event); size && pty_) {
    pty_->size = *size;
    reply.succeed();
  }
  return true;
}

const SessionHandler* Session::find(std::string_view type, std::string_view name) const {
  if (type == "subsystem") {
    const auto found = host_.services.subsystems.find(name);
    return found == host_.services.subsystems.end() ? nullptr : &found->second;
  }
  const SessionHandler& handler = type == "exec" ? host_.services.exec : host_.services.shell;
  return handler ? &handler : nullptr;
}

bool Session::on_start(ssh::Channel& channel, std::string_view type, ssh::Reader body,
                       ssh::Reply reply) {
  const std::string_view command = type == "shell" ? std::string_view() : body.string();
  if (!body.ok()) {
    return false;
  }
  const SessionHandler* handler = find(type, command);
  if (state_ != State::kCollecting || handler == nullptr || has_nul(command)) {
    base::log_info("session start refused", {{"type", type}, {"remote", peer_->remote_address}});
    return true;
  }
  if (const auto wide = host_.services.windows.find(command);
      type == "subsystem" && wide != host_.services.windows.end()) {
    channel.widen(wide->second);
  }
  state_ = State::kStarting;
  SessionStart start{
      .command = std::string(command), .pty = pty_, .env = env_, .agent = agent_->wanted()};
  auto offer = std::make_unique<StartOffer>(channel.shared_from_this(), *this, std::move(reply));
  host_.tasks.spawn("session", run(*handler, peer_, std::move(start), std::move(offer)));
  return true;
}

}  // namespace rdev::sshd
