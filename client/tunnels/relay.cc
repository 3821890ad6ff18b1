#include "client/tunnels/relay.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/base/closing.h"
#include "protocol/base/task_group.h"

namespace rdev::tunnels {
namespace {

// A quiet connection holds little, a busy one moves much at a time: the fewer calls a byte costs,
// the more fit into a second.
class Buffer final {
 public:
  asio::mutable_buffer space(std::size_t most = ~std::size_t{0}) {
    if (!bytes_) {
      bytes_ = std::make_unique_for_overwrite<char[]>(size_);
    }
    return {bytes_.get(), std::min(size_, most)};
  }
  // The first `n` bytes of space().
  asio::const_buffer filled(std::size_t n) const { return {bytes_.get(), n}; }
  // While there is nothing to read it needs no memory.
  void rest() { bytes_.reset(); }
  // After `used` bytes came at once.
  void adapt(std::size_t used) {
    if (used == size_ && size_ < kLargest) {
      resize(size_ * 4);
    } else if (used <= size_ / 16 && size_ > kSmallest && ++small_ == kPatience) {
      resize(kSmallest);
    } else if (used > size_ / 16) {
      small_ = 0;
    }
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{4} << 10U;
  static constexpr std::size_t kLargest = std::size_t{256} << 10U;
  static constexpr int kPatience = 64;

  void resize(std::size_t size) {
    bytes_.reset();
    size_ = size;
    small_ = 0;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = kSmallest;
  int small_ = 0;  // reads in a row that would have fitted the smallest
};

struct Joint {
  Socket socket;
  std::unique_ptr<stream::Stream> stream;
  Traffic& traffic;
  bool in_ended = false;  // from_stream() is
  bool dropping = false;  // to_stream() reads what nobody wants
};

// Ends the other direction, too.
void give_up(Joint& joint) {
  abort(joint.socket);
  joint.stream->break_off();
}

// The peer reads no more. A server that reads only after it has written still gets to what came
// from the peer before that.
awaitable<void> drop_rest(Joint& joint, Buffer& buffer) {
  joint.dropping = true;
  while (!joint.in_ended) {
    const auto [error, n] = co_await joint.socket.async_read_some(buffer.space(), use_tuple);
    if (error) {
      co_return;
    }
  }
}

awaitable<void> to_stream(Joint& joint) {
  Buffer buffer;
  boost::system::error_code error;
  for (;;) {
    const auto room = co_await joint.stream->wait_writable(stream::Lane::kData);
    if (!room) {
      co_return co_await drop_rest(joint, buffer);
    }
    const std::size_t n = joint.socket.read_some(buffer.space(*room), error);
    if (error == asio::error::would_block) {
      buffer.rest();
      co_await joint.socket.async_wait(Socket::wait_read, use_tuple);  // the read tells the error
      continue;
    }
    if (error == asio::error::eof) {
      joint.stream->write_eof();
      co_return;
    }
    if (error) {
      give_up(joint);
      co_return;
    }
    if (const auto written = co_await joint.stream->write(buffer.filled(n)); !written) {
      // The peer has closed or is lost; from_stream() gives what came before that.
      co_return co_await drop_rest(joint, buffer);
    }
    joint.traffic.out += n;
    buffer.adapt(n);
    co_await asio::post(asio::use_awaitable);  // others may have less to do
  }
}

// A coroutine of its own, so that the one that waits for bytes has no room for what a write needs.
awaitable<bool> write_all(Socket& socket, asio::const_buffer bytes) {
  const auto [error, written] = co_await asio::async_write(socket, bytes, use_tuple);
  co_return !error;
}

awaitable<void> from_stream(Joint& joint) {
  Buffer buffer;
  for (;;) {
    buffer.rest();
    co_await joint.stream->wait_readable(stream::Lane::kData);
    const auto n = co_await joint.stream->read(buffer.space());
    if (!n) {
      give_up(joint);
      co_return;
    }
    if (*n == 0) {
      boost::system::error_code gone;  // then there is nobody to tell
      joint.socket.shutdown(Socket::shutdown_send, gone);
      co_return;
    }
    joint.traffic.in += *n;
    if (!co_await write_all(joint.socket, buffer.filled(*n))) {
      give_up(joint);
      co_return;
    }
    buffer.adapt(*n);
  }
}

// to_stream() may wait in drop_rest().
void ended(Joint& joint) {
  joint.in_ended = true;
  if (joint.dropping) {
    boost::system::error_code closed;
    joint.socket.cancel(closed);
  }
}

class Counted final {
 public:
  explicit Counted(std::uint32_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::uint32_t& count_;
};

}  // namespace

Socket adopt(const asio::any_io_executor& executor, base::Fd socket) {
  int domain = AF_UNIX;
  socklen_t size = sizeof domain;
  (void)::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  Socket adopted(executor);
  adopted.assign(asio::generic::stream_protocol(domain, 0), socket.release());
  adopted.non_blocking(true);
  return adopted;
}

void abort(Socket& socket) {
  base::set_closing(socket.native_handle(), base::Closing::kBreak);
  boost::system::error_code ignored;  // closed it is in any case
  socket.close(ignored);
}

awaitable<void> relay(Socket socket, std::unique_ptr<stream::Stream> stream, Traffic& traffic) {
  const Counted counted(traffic.connections);
  base::set_closing(socket.native_handle(), base::Closing::kEnd);
  Joint joint{std::move(socket), std::move(stream), traffic};
  base::TaskGroup up(co_await asio::this_coro::executor);
  up.spawn("to stream", to_stream(joint));
  bool cancelled = false;
  try {
    co_await from_stream(joint);
    ended(joint);
    co_await up.wait();
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  if (cancelled) {
    co_await asio::this_coro::throw_if_cancelled(false);
    give_up(joint);  // neither side has come to its end
    up.cancel();
    co_await up.wait();
  }
}

}  // namespace rdev::tunnels
