#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>

#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/stream/portion.h"
#include "protocol/stream/stream.h"

namespace rdev::stream {

// A connected stream socket (TCP, unix, socketpair) as a Stream. It knows no events and no stderr:
// read_event() waits for the socket's end, the stderr lane is empty. No call may be pending when it
// is destroyed.
class SocketStream final : public Stream {
 public:
  SocketStream(const asio::any_io_executor& executor, base::Fd socket);
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;
  ~SocketStream() override = default;

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer,
                                      Lane lane = Lane::kData) override;
  awaitable<Result<void>> write(asio::const_buffer bytes, Lane lane = Lane::kData) override;
  void write_eof() override;
  awaitable<Result<Event>> read_event() override;
  void send_event(Event event) override;
  void close() override;

  // The kernel holds no more than goes out in a few milliseconds: it would wait in front of what is
  // written later. For a unix socket; TCP sees to that by itself.
  void keep_short() { portion_.emplace(kLeastHeld, kMostHeld); }

 private:
  static constexpr std::size_t kLeastHeld = 16384, kMostHeld = 131072;

  void note(std::size_t bytes, Portion::Duration took);
  void over();

  asio::posix::stream_descriptor socket_;
  std::optional<Portion> portion_;  // keep_short()
  bool over_ = false;
  base::Notify ended_;
};

}  // namespace rdev::stream
