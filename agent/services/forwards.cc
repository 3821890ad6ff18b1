#include "agent/services/forwards.h"

#include <boost/asio/ip/tcp.hpp>

#include "agent/services/pump.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "protocol/base/with_timeout.h"

namespace rdev::services {
namespace {

using tcp = asio::ip::tcp;
using Connected = Result<std::unique_ptr<tcp::socket>>;

std::string text(const ForwardTarget& target) {
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? '[' + target.host + ']' : target.host) + ':' + std::to_string(target.port);
}

awaitable<Connected> connect(Resolver& resolver, const ForwardTarget& target) {
  const auto executor = co_await asio::this_coro::executor;
  const auto addresses = co_await resolver.resolve(target.host);
  if (!addresses) {
    co_return tl::make_unexpected(addresses.error());
  }
  std::string why = "no address";
  for (const asio::ip::address& address : *addresses) {
    auto socket = std::make_unique<tcp::socket>(executor);
    const tcp::endpoint endpoint(address, target.port);
    const auto [error] = co_await socket->async_connect(endpoint, use_tuple);
    if (!error) {
      // Forwards carry keystrokes and RPCs as well as bulk.
      boost::system::error_code ignored;
      socket->set_option(tcp::no_delay(true), ignored);
      co_return socket;
    }
    why = error.message();
  }
  co_return fail(Code::kUnavailable, "cannot connect to " + text(target) + ": " + why);
}

// A stream joined to a connected socket.
class Join final {
 public:
  Join(const asio::any_io_executor& executor, std::unique_ptr<stream::Stream> stream,
       std::unique_ptr<tcp::socket> socket)
      : stream_(std::move(stream)),
        socket_(std::move(socket)),
        tasks_(executor),
        changed_(executor) {}

  // Until both directions have ended, either end is lost, or the coroutine is cancelled. After the
  // peer's close the socket still gets what came before it.
  awaitable<void> run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    tasks_.spawn("forward in", pump_in());
    tasks_.spawn("forward out", pump_out());
    tasks_.spawn("forward events", await_close());
    while (!lost_ && !(in_ended_ && (out_ended_ || closed_))) {
      co_await changed_.wait();
      const auto cancellation = co_await asio::this_coro::cancellation_state;
      lost_ = lost_ || cancellation.cancelled() != asio::cancellation_type::none;
    }
    stream_->close();
    tasks_.cancel();
    co_await tasks_.wait();
  }

 private:
  awaitable<void> pump_in() {
    if (co_await pump_from_stream(*stream_, *socket_) == Pumped::kEnd) {
      boost::system::error_code ignored;
      socket_->shutdown(tcp::socket::shutdown_send, ignored);
      settle(in_ended_);
    } else {
      settle(lost_);
    }
  }

  awaitable<void> pump_out() {
    if (co_await pump_to_stream(*socket_, *stream_, stream::Lane::kData) == Pumped::kEnd) {
      stream_->write_eof();
      settle(out_ended_);
    } else {
      settle(lost_);
    }
  }

  // A forward knows no events; the last one tells that the peer closed.
  awaitable<void> await_close() {
    for (;;) {
      const auto event = co_await stream_->read_event();
      if (!event) {
        settle(closed_);
        co_return;
      }
    }
  }

  void settle(bool& fact) {
    fact = true;
    changed_.notify();
  }

  std::unique_ptr<stream::Stream> stream_;
  std::unique_ptr<tcp::socket> socket_;
  base::TaskGroup tasks_;
  base::Notify changed_;
  bool in_ended_ = false, out_ended_ = false;
  bool closed_ = false;  // by the peer
  bool lost_ = false;    // one of the two is broken
};

}  // namespace

awaitable<void> Forwards::serve(ForwardTarget target, std::unique_ptr<stream::Offer> offer) {
  auto socket = co_await base::with_timeout(connect(resolver_, target), timeout_,
                                            "connecting to " + text(target));
  if (!socket) {
    offer->refuse(stream::Refusal::kConnectFailed, socket.error().message);
    co_return;
  }
  const auto executor = co_await asio::this_coro::executor;
  Join join(executor, offer->accept(), *std::move(socket));
  co_await join.run();
}

}  // namespace rdev::services
