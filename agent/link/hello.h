#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/asio.h"
#include "protocol/rdev.pb.h"
#include "protocol/stream/stream.h"
#include "protocol/wire/frame.h"

namespace rdev::agent_link {

// The version of PROTOCOL.md that this is.
inline constexpr std::uint32_t kMajor = 1, kMinor = 0;
inline constexpr std::size_t kMaxHello = 4096;
inline constexpr std::size_t kSessionId = 16, kSessionSecret = 32;

// Who an agent says that it is.
struct Self {
  std::string job_name;  // empty: started by hand, takes links for any
  std::string program;   // "rdev-agent 0.1.0"
};

// The first frame of a connection, of which exactly the bytes are taken. Code::kProtocol: it is
// none, or longer than kMaxHello.
awaitable<Result<Hello>> read_hello(stream::Stream& carrier);

// The error is a sentence for the person at the laptop: what does not fit, and what to renew.
Result<void> check_hello(const Hello& hello, const Self& self);

// Writes one frame of the connection.
awaitable<Result<void>> write_frame(stream::Stream& carrier, wire::Type type, std::string payload);

Welcome welcome(const Self& self);
std::string goodbye(std::string_view reason);  // encoded

// Takes as long whatever differs.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace rdev::agent_link
