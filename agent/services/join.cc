#include "agent/services/join.h"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/system_error.hpp>

#include "agent/services/pump.h"
#include "protocol/base/closing.h"
#include "protocol/base/task_group.h"

namespace rdev::services {
namespace {

using Socket = asio::generic::stream_protocol::socket;

// Thousands of them may be idle: a frame or a task more is half a kilobyte of each.
struct Joint {
  bool over() const { return lost || (in_ended && out_ended); }

  std::unique_ptr<stream::Stream> stream;
  Socket socket;
  bool in_ended = false, out_ended = false;
  bool lost = false;  // one of the two is broken
};

// An end that takes no more is the end of one direction: it may still have something to say, as a
// server that answers before it has read the whole request. What comes for it is dropped: the other
// end may be one that reads only after it has written.
awaitable<void> drop_stream(Joint& joint) {
  PumpBuffer buffer(PumpBuffer::kSmallest);
  while (!joint.over()) {
    const auto n = co_await joint.stream->read(buffer.space());
    if (!n || *n == 0) {
      co_return;
    }
  }
}

awaitable<void> drop_socket(Joint& joint) {
  PumpBuffer buffer(PumpBuffer::kSmallest);
  for (bool more = true; more;) {
    const auto [error, n] = co_await joint.socket.async_read_some(buffer.space(), use_tuple);
    more = !error;
  }
}

// Until nothing is left to be done for the peer of the stream, which may close when its lane has
// ended.
awaitable<void> pump_in(Joint& joint) {
  const Pumped pumped = co_await pump_from_stream(*joint.stream, joint.socket);
  if (pumped == Pumped::kEnd) {
    boost::system::error_code ignored;
    joint.socket.shutdown(Socket::shutdown_send, ignored);
  }
  joint.lost = joint.lost || pumped == Pumped::kSourceLost || pumped == Pumped::kSinkBroken;
  joint.in_ended = true;
  if (pumped == Pumped::kSinkLost) {
    co_await drop_stream(joint);
  }
  // Sockets know no events; the last one tells that the peer closed.
  while (!joint.over() && co_await joint.stream->read_event()) {
  }
}

// pump_in() wakes when this has ended.
awaitable<void> pump_out(Joint& joint) {
  const Pumped pumped = co_await pump_to_stream(joint.socket, *joint.stream, stream::Lane::kData);
  if (pumped == Pumped::kEnd) {
    joint.stream->write_eof();
  } else if (pumped == Pumped::kSourceLost) {
    joint.lost = true;
    joint.stream->break_off();
    boost::system::error_code ignored;
    joint.socket.cancel(ignored);
  }
  joint.out_ended = true;
  if (joint.in_ended) {
    joint.stream->close();
  }
  if (pumped == Pumped::kSinkLost) {
    co_await drop_socket(joint);
  }
}

}  // namespace

awaitable<void> join(std::unique_ptr<stream::Stream> stream, base::Fd socket) {
  const auto executor = co_await asio::this_coro::executor;
  // The family is only asked for by what opens sockets.
  Joint joint{
      .stream = std::move(stream),
      .socket = Socket(executor, asio::generic::stream_protocol(AF_UNSPEC, 0), socket.release())};
  base::set_closing(joint.socket.native_handle(), base::Closing::kEnd);
  base::TaskGroup out(executor);
  out.spawn("join out", pump_out(joint));
  try {
    co_await pump_in(joint);
  } catch (const boost::system::system_error&) {
    joint.lost = true;  // cancelled: neither direction has come to its end
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  if (joint.lost) {
    // Half an answer must not look like a whole one, at neither end.
    joint.stream->break_off();
    base::set_closing(joint.socket.native_handle(), base::Closing::kBreak);
  }
  joint.stream->close();
  out.cancel();
  co_await out.wait();
}

}  // namespace rdev::services
