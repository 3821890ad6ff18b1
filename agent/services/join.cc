#include "agent/services/join.h"

#include <boost/asio/generic/stream_protocol.hpp>

#include "agent/services/pump.h"
#include "protocol/base/closing.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"

namespace rdev::services {
namespace {

using Socket = asio::generic::stream_protocol::socket;

class Join final {
 public:
  Join(const asio::any_io_executor& executor, std::unique_ptr<stream::Stream> stream,
       base::Fd socket)
      : stream_(std::move(stream)),
        // The family is only asked for by what opens sockets.
        socket_(executor, asio::generic::stream_protocol(AF_UNSPEC, 0), socket.release()),
        tasks_(executor),
        changed_(executor) {}

  awaitable<void> run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    base::set_closing(socket_.native_handle(), base::Closing::kEnd);
    tasks_.spawn("join in", pump_in());
    tasks_.spawn("join out", pump_out());
    tasks_.spawn("join events", await_close());
    while (!lost_ && !(in_ended_ && (out_ended_ || closed_))) {
      co_await changed_.wait();
      const auto cancellation = co_await asio::this_coro::cancellation_state;
      lost_ = lost_ || cancellation.cancelled() != asio::cancellation_type::none;
    }
    if (lost_) {
      // Half an answer must not look like a whole one, at neither end.
      stream_->break_off();
      base::set_closing(socket_.native_handle(), base::Closing::kBreak);
    }
    stream_->close();
    tasks_.cancel();
    co_await tasks_.wait();
  }

 private:
  // An end that takes no more is the end of one direction: it may still have something to say, as a
  // server that answers before it has read the whole request. What comes for it is dropped: the
  // other end may be one that reads only after it has written.
  awaitable<void> pump_in() {
    const Pumped pumped = co_await pump_from_stream(*stream_, socket_);
    if (pumped == Pumped::kEnd) {
      boost::system::error_code ignored;
      socket_.shutdown(Socket::shutdown_send, ignored);
    }
    const bool lost = pumped == Pumped::kSourceLost || pumped == Pumped::kSinkBroken;
    settle(lost ? lost_ : in_ended_);
    PumpBuffer buffer(PumpBuffer::kSmallest);
    for (bool more = pumped == Pumped::kSinkLost; more;) {
      const auto n = co_await stream_->read(buffer.space());
      more = n && *n > 0;
    }
  }

  awaitable<void> pump_out() {
    const Pumped pumped = co_await pump_to_stream(socket_, *stream_, stream::Lane::kData);
    if (pumped == Pumped::kEnd) {
      stream_->write_eof();
    }
    settle(pumped == Pumped::kSourceLost ? lost_ : out_ended_);
    PumpBuffer buffer(PumpBuffer::kSmallest);
    for (bool more = pumped == Pumped::kSinkLost; more;) {
      const auto [error, n] = co_await socket_.async_read_some(buffer.space(), use_tuple);
      more = !error;
    }
  }

  // Sockets know no events; the last one tells that the peer closed.
  awaitable<void> await_close() {
    while (co_await stream_->read_event()) {
    }
    settle(closed_);
  }

  void settle(bool& fact) {
    fact = true;
    changed_.notify();
  }

  std::unique_ptr<stream::Stream> stream_;
  Socket socket_;
  base::TaskGroup tasks_;
  base::Notify changed_;
  bool in_ended_ = false, out_ended_ = false;
  bool closed_ = false;  // by the peer
  bool lost_ = false;    // one of the two is broken
};

}  // namespace

awaitable<void> join(std::unique_ptr<stream::Stream> stream, base::Fd socket) {
  const auto executor = co_await asio::this_coro::executor;
  Join joined(executor, std::move(stream), std::move(socket));
  co_await joined.run();
}

}  // namespace rdev::services
