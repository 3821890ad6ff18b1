#include "protocol/stream/socket_stream.h"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

namespace rdev::stream {
namespace {

tl::unexpected<Error> lost(const boost::system::error_code& error) {
  return fail(Code::kClosed, "the connection is gone: " + error.message());
}

}  // namespace

SocketStream::SocketStream(const asio::any_io_executor& executor, base::Fd socket)
    : socket_(executor, socket.release()), ended_(executor) {}

awaitable<Result<std::size_t>> SocketStream::read(asio::mutable_buffer buffer, Lane lane) {
  if (lane != Lane::kData || buffer.size() == 0) {
    co_return 0;
  }
  const auto [error, n] = co_await socket_.async_read_some(buffer, use_tuple);
  if (!error) {
    co_return n;
  }
  over();
  if (error == asio::error::eof) {
    co_return 0;
  }
  co_return lost(error);
}

awaitable<Result<void>> SocketStream::write(asio::const_buffer bytes, Lane lane) {
  if (lane != Lane::kData) {
    co_return fail(Code::kFailed, "a socket has no stderr");
  }
  const auto began = std::chrono::steady_clock::now();
  const auto [error, n] = co_await asio::async_write(socket_, bytes, use_tuple);
  if (error) {
    over();
    co_return lost(error);
  }
  note(n, std::chrono::steady_clock::now() - began);
  co_return Result<void>{};
}

void SocketStream::note(std::size_t bytes, Portion::Duration took) {
  if (!portion_) {
    return;
  }
  const std::size_t before = portion_->size();
  portion_->took(bytes, took);
  if (const int now = static_cast<int>(portion_->size()); portion_->size() != before) {
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDBUF, &now, sizeof now);
  }
}

void SocketStream::write_eof() { ::shutdown(socket_.native_handle(), SHUT_WR); }

awaitable<Result<Event>> SocketStream::read_event() {
  while (!over_) {
    co_await ended_.wait();
  }
  co_return fail(Code::kClosed, "the socket has ended");
}

void SocketStream::send_event(Event) {}

void SocketStream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  over();
}

void SocketStream::over() {
  over_ = true;
  ended_.notify();
}

}  // namespace rdev::stream
