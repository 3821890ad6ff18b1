#pragma once

#include <cstdint>
#include <memory>

#include "protocol/stream/stream.h"

namespace rdev::stream {

// Bytes that joins have passed on.
struct Passed {
  std::uint64_t to_service = 0, to_client = 0;
};

// Joins a client to the service that it asked for: bytes of both lanes, ends and events, each way.
//  - The service's close: passed on when all that came before it was delivered.
//  - The client's close: the same, unless the service has ended its output already: then its close
//    is awaited, for an exit status may still come (OpenSSH's client closes as soon as it has had
//    our EOF, and prefers to hear how the command ended).
//  - A side that is lost, or cancellation: the other one is broken off.
// `passed` must outlive it.
awaitable<void> join(std::unique_ptr<Stream> client, std::unique_ptr<Stream> service,
                     Passed& passed);

}  // namespace rdev::stream
