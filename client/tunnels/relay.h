#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/stream/stream.h"

namespace rdev::tunnels {

// TCP or unix.
using Socket = asio::generic::stream_protocol::socket;

// Of a connected socket, which becomes non-blocking.
Socket adopt(const asio::any_io_executor& executor, base::Fd socket);

// Closes so that the peer sees a broken connection (TCP: RST) and not an end.
void abort(Socket& socket);

struct Traffic {
  std::uint32_t connections = 0;  // open now
  std::uint64_t in = 0, out = 0;  // bytes to the laptop, to the job
  std::uint64_t refused = 0;      // connections that did not get a stream
  std::string last_refusal;       // why
};

// Joins a socket of the laptop to a stream until both directions have ended, each on its own, or
// one side is lost, or this is cancelled. A stream that is lost breaks the socket. `bytes_in`
// counts what the stream gave.
awaitable<void> relay(Socket socket, std::unique_ptr<stream::Stream> stream, Traffic& traffic);

}  // namespace rdev::tunnels
