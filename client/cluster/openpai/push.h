#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::openpai {

// What the stub says to whoever connects: "rdev-stub 1 SHA256 SIZE\n" (PROTOCOL.md, section 6).
struct StubGreeting {
  std::string agent_sha256;  // 64 lower-case hexadecimal digits
  std::uint64_t agent_size = 0;
};
inline constexpr std::size_t kMaxGreeting = 128;
// The line with its end. Code::kProtocol for what is none.
Result<StubGreeting> parse_greeting(std::string_view bytes);

// The agent that has this SHA-256; Code::kNotFound when this laptop has none.
using AgentFile = std::function<Result<std::filesystem::path>(const std::string& sha256)>;

// Who answers on a fresh connection to the agent's port.
enum class Peer {
  kAgent,  // an SSH server; nothing of what it said was taken from the socket
  kPushed  // the stub, which has the agent now and becomes it: dial anew
};
// Nothing but an agent of the hash that the stub names is ever sent. Code::kClosed when the other
// side hung up without a word.
awaitable<Result<Peer>> meet(int socket, const AgentFile& agent_file);

// The SHA-256 of a file, in lower-case hexadecimal digits.
Result<std::string> sha256_of(std::string_view bytes);

}  // namespace rdev::cluster::openpai
