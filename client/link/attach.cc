#include "client/link/attach.h"

#include <sys/socket.h>

#include <csignal>
#include <utility>

#include "client/link/membership.h"
#include "client/link/places.h"

namespace rdev::link_process {
namespace {

// The link process may be about to end, or be replaced by one of our version.
constexpr int kAttempts = 3;

// A process that writes much is woken a quarter as often: half as fast again on two cores.
void enlarge(const base::Fd& socket) {
  const int most = 1 << 20;  // the kernel takes what net.core.wmem_max allows
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
}

awaitable<Result<base::UnixPeer>> connect_for(const state::Paths& paths,
                                              const Background& background) {
  auto peer = connect_background(background);
  if (peer) {
    co_return peer;
  }
  if (auto record = state::load(paths, background.job); !record) {
    co_return tl::make_unexpected(record.error());
  }
  peer = co_await connect_or_start(background);
  if (!peer) {
    co_return prefix("the link process of " + background.job, peer.error());
  }
  co_return peer;
}

awaitable<Result<base::Fd>> connect_again(state::Paths paths, std::string job, bool bulk) {
  auto peer = co_await connect_for(paths, link_background(paths, job));
  if (!peer) {
    co_return tl::make_unexpected(peer.error());
  }
  if (bulk) {
    enlarge(peer->socket);
  }
  co_return std::move(peer->socket);
}

}  // namespace

struct Attached::Impl final : Membership {
  using Membership::Membership;
};

Attached::Attached(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Attached::~Attached() { impl_->leave(); }

awaitable<Result<std::unique_ptr<Attached>>> Attached::attach(const state::Paths& paths,
                                                              std::string job,
                                                              AttachOptions options) {
  ::signal(SIGPIPE, SIG_IGN);  // the link process may go at any time
  const Background background = link_background(paths, job);
  Error last;
  const Membership::Connect connect = [paths, job, bulk = options.bulk] {
    return connect_again(paths, job, bulk);
  };
  for (int i = 0; i < kAttempts; ++i) {
    auto socket = co_await connect();
    if (!socket) {
      co_return tl::make_unexpected(socket.error());
    }
    const auto impl = std::make_shared<Impl>(co_await asio::this_coro::executor, std::move(*socket),
                                             connect, options);
    std::unique_ptr<Attached> attached(new Attached(impl));
    const auto joined = co_await Membership::join(impl, job);
    if (joined) {
      co_return attached;
    }
    last = joined.error();
    attached.reset();
    if (!co_await Membership::may_try_again(impl, background)) {
      break;
    }
  }
  co_return tl::make_unexpected(std::move(last));
}

awaitable<Result<link::Opened>> Attached::open(const StreamRequest& request) {
  return impl_->endpoint.open(request.SerializeAsString());
}

awaitable<Error> Attached::lost() { return Membership::lost(impl_); }

std::uint64_t Attached::bytes_in() const { return impl_->endpoint.bytes_in(); }
std::uint64_t Attached::bytes_out() const { return impl_->endpoint.bytes_out(); }

}  // namespace rdev::link_process
