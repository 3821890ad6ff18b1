#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include "protocol/base/fd.h"
#include "protocol/stream/stream.h"

namespace rdev::stream {

// A connected stream socket (TCP, unix, socketpair) as a Stream. It knows no events and no stderr:
// read_event() is Code::kClosed once the peer has closed, the stderr lane is at its end.
class SocketStream final : public Stream {
 public:
  SocketStream(const asio::any_io_executor& executor, base::Fd socket);
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;
  ~SocketStream() override;

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer, Lane lane) override;
  awaitable<Result<void>> write(asio::const_buffer bytes, Lane lane) override;
  void write_eof() override;
  awaitable<Result<Event>> read_event() override;
  void send_event(Event event) override;
  void close() override;

 private:
  asio::posix::stream_descriptor socket_;
};

}  // namespace rdev::stream
