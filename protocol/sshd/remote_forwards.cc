#include "protocol/sshd/remote_forwards.h"

#include <algorithm>

#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/sshd/client_channel.h"

namespace rdev::sshd {
namespace {

constexpr std::uint32_t kMaxPort = 65535;
constexpr std::string_view kTcp = "tcpip-forward";
constexpr std::string_view kCancelTcp = "cancel-tcpip-forward";
constexpr std::string_view kUnix = "streamlocal-forward@openssh.com";
constexpr std::string_view kCancelUnix = "cancel-streamlocal-forward@openssh.com";

std::string text(const ListenTarget& target) {
  return target.path.empty() ? target.host + ':' + std::to_string(target.port) : target.path;
}

bool same(const ListenTarget& a, const ListenTarget& b) {
  return a.host == b.host && a.port == b.port && a.path == b.path;
}

// For each connection: the place as the client wrote it, which is how the client finds its own end.
awaitable<Result<std::unique_ptr<stream::Stream>>> open_back(
    std::weak_ptr<ssh::Connection> connection, const ListenTarget& where, const Originator& from) {
  if (!where.path.empty()) {
    return open_client_channel(std::move(connection), "forwarded-streamlocal@openssh.com",
                               ssh::Writer().string(where.path).string("").take());
  }
  return open_client_channel(
      std::move(connection), "forwarded-tcpip",
      ssh::Writer().string(where.host).u32(where.port).string(from.host).u32(from.port).take());
}

}  // namespace

// One place that listens. Shared by the list and its coroutine.
struct RemoteForwards::Forward {
  Forward(const asio::any_io_executor& executor, ListenTarget target,
          std::unique_ptr<Listening> listens)
      : where(std::move(target)), listening(std::move(listens)), changed(executor) {}

  const ListenTarget where;  // with the port that was bound
  std::unique_ptr<Listening> listening;
  base::Notify changed;
  bool cancelled = false, ended = false;

  void cancel() {
    cancelled = true;
    changed.notify();
  }
  static awaitable<void> run(std::shared_ptr<Forward> self,
                             std::weak_ptr<ssh::Connection> connection);
};

awaitable<void> RemoteForwards::Forward::run(std::shared_ptr<Forward> self,
                                             std::weak_ptr<ssh::Connection> connection) {
  co_await asio::this_coro::throw_if_cancelled(false);
  base::TaskGroup tasks(co_await asio::this_coro::executor);
  OpenBack back = [connection = std::move(connection), where = self->where](Originator from) {
    return open_back(connection, where, std::move(from));
  };
  tasks.spawn("listening for a client", self->listening->accept(std::move(back)));
  while (!self->cancelled && (co_await asio::this_coro::cancellation_state).cancelled() ==
                                 asio::cancellation_type::none) {
    co_await self->changed.wait();
  }
  tasks.cancel();
  co_await tasks.wait();
  self->listening.reset();
  self->ended = true;
  self->changed.notify();
}

bool RemoteForwards::is_one(std::string_view type) {
  return type == kTcp || type == kCancelTcp || type == kUnix || type == kCancelUnix;
}

bool RemoteForwards::on_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply) {
  Request request{
      .cancel = type == kCancelTcp || type == kCancelUnix, .target = {}, .reply = std::move(reply)};
  const std::string_view name = body.string();
  std::uint32_t port = 0;
  if (type == kTcp || type == kCancelTcp) {
    request.target.host = name;
    port = body.u32();
    request.target.port = static_cast<std::uint16_t>(port);
  } else {
    request.target.path = name;
  }
  if (!body.ok()) {
    return false;
  }
  const bool no_path = (type == kUnix || type == kCancelUnix) && name.empty();
  if (port > kMaxPort || no_path || name.find('\0') != std::string_view::npos || stopped_) {
    return true;  // refused
  }
  requests_.push_back(std::move(request));
  if (!serving_) {
    serving_ = true;
    host_.tasks.spawn("remote forwards", serve(shared_from_this()));
  }
  return true;
}

awaitable<void> RemoteForwards::serve(std::shared_ptr<RemoteForwards> self) {
  while (!self->requests_.empty()) {
    Request request = std::move(self->requests_.front());
    self->requests_.pop_front();
    co_await (request.cancel ? self->cancel(std::move(request)) : self->start(std::move(request)));
  }
  self->serving_ = false;
}

void RemoteForwards::refused(const ListenTarget& target, std::string_view why) const {
  // The answer has no room for a reason (RFC 4254 section 4).
  base::log_info(
      "not listening for a client",
      {{"where", text(target)}, {"why", std::string(why)}, {"remote", peer_->remote_address}});
}

awaitable<void> RemoteForwards::start(Request request) {
  const ListenTarget& asked = request.target;
  if (!host_.services.listen) {
    co_return refused(asked, "forwarding is not enabled here");
  }
  if (forwards_.size() >= kMost) {
    co_return refused(asked, "this connection has too many forwards");
  }
  auto listening = co_await host_.services.listen(*peer_, asked);
  if (stopped_) {
    co_return;
  }
  if (!listening) {
    co_return refused(asked, listening.error().message);
  }
  ListenTarget bound = asked;
  bound.port = (*listening)->port();
  const bool chosen = asked.path.empty() && asked.port == 0;
  auto forward = std::make_shared<Forward>(host_.executor, bound, *std::move(listening));
  forwards_.push_back(forward);
  host_.tasks.spawn("remote forward", Forward::run(std::move(forward), connection_));
  request.reply.grant(chosen ? ssh::Writer().u32(bound.port).take() : std::string());
}

awaitable<void> RemoteForwards::cancel(Request request) {
  const auto found = std::find_if(
      forwards_.begin(), forwards_.end(),
      [&](const std::shared_ptr<Forward>& one) { return same(one->where, request.target); });
  if (found == forwards_.end()) {
    co_return refused(request.target, "nothing to cancel");
  }
  const std::shared_ptr<Forward> forward = std::move(*found);
  forwards_.erase(found);
  forward->cancel();
  // Only then may the client ask for the same place again.
  while (!forward->ended) {
    co_await forward->changed.wait();
  }
  request.reply.grant();
}

void RemoteForwards::stop() {
  stopped_ = true;
  requests_.clear();
  for (const auto& forward : std::exchange(forwards_, {})) {
    forward->cancel();
  }
}

}  // namespace rdev::sshd
