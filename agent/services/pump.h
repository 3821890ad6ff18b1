#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "protocol/base/asio.h"
#include "protocol/stream/pump_buffer.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

using stream::PumpBuffer;

// How a pump came to its end.
enum class Pumped {
  kEnd,         // the source's end; passing it on is the caller's business
  kSourceLost,  // the source broke
  kSinkLost,    // the sink takes no more
  kSinkBroken,  // nor will it give any: its connection was reset
};

// Copies what Asio's `source` has to one lane of `sink`: no more than that has room for.
template <class Source>
awaitable<Pumped> pump_to_stream(Source& source, stream::Stream& sink, stream::Lane lane) {
  PumpBuffer buffer(PumpBuffer::kForReads);
  boost::system::error_code error;
  source.non_blocking(true, error);
  for (;;) {
    const auto room = co_await sink.wait_writable(lane);
    if (!room) {
      co_return Pumped::kSinkLost;
    }
    const std::size_t n = source.read_some(buffer.space(*room), error);
    if (error == asio::error::would_block) {
      buffer.rest();
      co_await source.async_wait(Source::wait_read, use_tuple);  // the read tells what is wrong
      continue;
    }
    if (error) {
      co_return error == asio::error::eof ? Pumped::kEnd : Pumped::kSourceLost;
    }
    if (!co_await sink.write(buffer.filled(n), lane)) {
      co_return Pumped::kSinkLost;
    }
    co_await asio::post(asio::use_awaitable);  // others may have less to do
  }
}

// Copies the data lane of `source` to Asio's `sink`.
template <class Sink>
awaitable<Pumped> pump_from_stream(stream::Stream& source, Sink& sink) {
  PumpBuffer buffer(PumpBuffer::kForWrites);
  for (;;) {
    buffer.rest();
    co_await source.wait_readable(stream::Lane::kData);
    const auto n = co_await source.read(buffer.space());
    if (!n || *n == 0) {
      co_return n ? Pumped::kEnd : Pumped::kSourceLost;
    }
    const auto [error, written] = co_await asio::async_write(sink, buffer.filled(*n), use_tuple);
    if (error) {
      co_return error == asio::error::connection_reset ? Pumped::kSinkBroken : Pumped::kSinkLost;
    }
  }
}

}  // namespace rdev::services
