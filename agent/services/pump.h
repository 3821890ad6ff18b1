#pragma once

#include <boost/asio/write.hpp>
#include <memory>

#include "protocol/base/asio.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

inline constexpr std::size_t kPumpBuffer = std::size_t{64} * 1024;

// Not cleared: pages that a quiet session never fills cost nothing.
inline std::unique_ptr<char[]> pump_buffer() {
  return std::make_unique_for_overwrite<char[]>(kPumpBuffer);
}

// How a pump came to its end.
enum class Pumped {
  kEnd,         // the source's end; passing it on is the caller's business
  kSourceLost,  // the source broke
  kSinkLost,    // the sink takes no more
};

// Copies what Asio's `source` has to one lane of `sink`.
template <class Source>
awaitable<Pumped> pump_to_stream(Source& source, stream::Stream& sink, stream::Lane lane) {
  const auto buffer = pump_buffer();
  for (;;) {
    const auto [error, n] =
        co_await source.async_read_some(asio::buffer(buffer.get(), kPumpBuffer), use_tuple);
    if (error) {
      co_return error == asio::error::eof ? Pumped::kEnd : Pumped::kSourceLost;
    }
    const asio::const_buffer bytes(buffer.get(), n);
    if (!co_await sink.write(bytes, lane)) {
      co_return Pumped::kSinkLost;
    }
  }
}

// Copies the data lane of `source` to Asio's `sink`.
template <class Sink>
awaitable<Pumped> pump_from_stream(stream::Stream& source, Sink& sink) {
  const auto buffer = pump_buffer();
  for (;;) {
    const auto n = co_await source.read(asio::buffer(buffer.get(), kPumpBuffer));
    if (!n || *n == 0) {
      co_return n ? Pumped::kEnd : Pumped::kSourceLost;
    }
    const asio::const_buffer bytes(buffer.get(), *n);
    const auto [error, written] = co_await asio::async_write(sink, bytes, use_tuple);
    if (error) {
      co_return Pumped::kSinkLost;
    }
  }
}

}  // namespace rdev::services
