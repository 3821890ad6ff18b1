#include "client/tunnels/holder_server.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "client/tunnels/front_keys.h"
#include "client/tunnels/saved.h"
#include "client/tunnels/spec.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::tunnels {
namespace {

constexpr std::size_t kMaxClients = 1024;
constexpr std::size_t kMaxTunnels = 1024;

}  // namespace

HolderServer::HolderServer(const asio::any_io_executor& executor, state::Paths paths,
                           std::string job, Connect connect, Options options)
    : executor_(executor),
      paths_(std::move(paths)),
      job_(std::move(job)),
      options_(options),
      link_(executor, std::move(connect), options.link),
      set_(executor, link_, job_, [this] { return front_keys(paths_, job_); }),
      changed_(executor),
      tasks_(executor) {}

awaitable<Result<void>> HolderServer::restore() {
  auto kept = load_tunnels(paths_, job_);
  if (!kept) {
    co_return tl::make_unexpected(kept.error());
  }
  for (const Tunnel& tunnel : *kept) {
    set_.keep(tunnel);
  }
  for (const Tunnel& tunnel : *kept) {
    if (tunnel.kind() == Tunnel::REMOTE) {
      tasks_.spawn("reopen", reopen(tunnel));
    } else {
      co_await set_.reopen(tunnel);
    }
  }
  co_return Result<void>{};
}

// It waits for the link.
awaitable<void> HolderServer::reopen(Tunnel tunnel) { co_await set_.reopen(std::move(tunnel)); }

awaitable<Error> HolderServer::run() {
  tasks_.spawn("link", keep_link());
  tasks_.spawn("idle", end_when_idle());
  while (!over_) {
    co_await changed_.wait();
  }
  co_return *over_;
}

awaitable<void> HolderServer::stop() {
  // Whoever has asked may still be told why it is over.
  (void)co_await base::with_timeout(until_alone(), options_.farewell, "the last answers");
  tasks_.cancel();
  co_await set_.stop();
  co_await tasks_.wait();
}

awaitable<Result<void>> HolderServer::until_alone() {
  while (clients_ > 0) {
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

void HolderServer::end(Error why) {
  if (!over_) {
    over_ = std::move(why);
    changed_.notify();
  }
}

awaitable<void> HolderServer::keep_link() { end(co_await link_.run()); }

awaitable<void> HolderServer::end_when_idle() {
  // Whoever started it is about to ask for something.
  asio::steady_timer timer(executor_, options_.idle_limit);
  co_await timer.async_wait(use_tuple);
  while (!set_.empty() || clients_ > 0) {
    co_await changed_.wait();
  }
  unused_ = true;
  end({Code::kClosed, "there is no tunnel"});
}

void HolderServer::adopt(base::Fd socket) {
  if (clients_ >= kMaxClients) {
    base::log_warning("too many clients at once");
    return;
  }
  tasks_.spawn("client", serve(std::move(socket)));
}

awaitable<void> HolderServer::serve(base::Fd fd) {
  struct Client {
    explicit Client(HolderServer& to) : server(to) { ++server.clients_; }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() {
      --server.clients_;
      server.changed_.notify();
    }
    HolderServer& server;
  };
  const Client client(*this);
  HolderSocket socket(executor_, asio::local::stream_protocol(), fd.release());
  bool had_tunnel = false;
  for (;;) {
    const auto message = co_await read_message(socket);
    HolderRequest request;
    // Without an answer it asks again, and that one is the next holder's.
    if (!message || unused_ || !request.ParseFromString(*message)) {
      break;
    }
    had_tunnel = had_tunnel || !set_.empty();
    const bool last = request.has_stop();
    const HolderReply reply = co_await answer(std::move(request));
    if (!co_await write_message(socket, reply.SerializeAsString())) {
      break;
    }
    if (last) {
      end({Code::kCancelled, "it was asked to"});
    }
  }
  if (had_tunnel && set_.empty() && clients_ == 1) {
    unused_ = true;
    end({Code::kClosed, "the last tunnel was removed"});
  }
}

awaitable<HolderReply> HolderServer::answer(HolderRequest request) {
  HolderReply reply;
  reply.set_pid(::getpid());
  Result<void> done;
  switch (request.what_case()) {
    case HolderRequest::kAdd:
      done = co_await add(request.add(), reply);
      break;
    case HolderRequest::kRemove:
      done = co_await remove(request.remove());
      break;
    case HolderRequest::kList:
      for (TunnelState& state : set_.states()) {
        *reply.add_tunnels() = std::move(state);
      }
      break;
    case HolderRequest::kStop:  // after the answer
      break;
    default:
      done = fail(Code::kProtocol, "the holder of " + job_ +
                                       " is of another version and does not know this request: "
                                       "rdev down and up renew it");
  }
  if (!done) {
    reply.set_error(done.error().message);
    reply.set_code(static_cast<std::uint32_t>(done.error().code));
  }
  co_return reply;
}

awaitable<Result<void>> HolderServer::add(Tunnel tunnel, HolderReply& reply) {
  if (over_) {
    co_return tl::make_unexpected(*over_);
  }
  if (set_.states().size() >= kMaxTunnels) {
    co_return fail(Code::kLimit, "there are " + std::to_string(kMaxTunnels) + " tunnels already");
  }
  auto added = co_await set_.add(std::move(tunnel));
  if (!added) {
    co_return tl::make_unexpected(added.error());
  }
  if (auto saved = save(); !saved) {
    (void)co_await set_.remove(added->tunnel());
    co_return prefix("the tunnel cannot be kept", saved.error());
  }
  *reply.add_tunnels() = std::move(*added);
  co_return Result<void>{};
}

awaitable<Result<void>> HolderServer::remove(Tunnel tunnel) {
  auto removed = co_await set_.remove(std::move(tunnel));
  if (!removed) {
    co_return removed;
  }
  base::log_info("a tunnel was removed");
  co_return save();
}

Result<void> HolderServer::save() const {
  std::vector<Tunnel> tunnels;
  for (const TunnelState& state : set_.states()) {
    tunnels.push_back(state.tunnel());
  }
  return save_tunnels(paths_, job_, tunnels);
}

}  // namespace rdev::tunnels
