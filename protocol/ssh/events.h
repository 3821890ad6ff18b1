#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/ssh/wire.h"
#include "protocol/stream/stream.h"

namespace rdev::ssh {

// The channel requests that are events of a stream (RFC 4254 sections 6.7, 6.9, 6.10; RFC 4335).
struct EncodedEvent {
  std::string type;
  std::string body;
};
EncodedEvent encode(const stream::Event& event);

bool is_event(std::string_view type);
// Nothing when the body is malformed or `type` is no event.
std::optional<stream::Event> decode_event(std::string_view type, Reader body);

// The four numbers that pty-req and window-change share.
stream::WindowChange read_size(Reader& body);

}  // namespace rdev::ssh
