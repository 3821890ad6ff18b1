#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::tunnels {

// The server's side of a SOCKS handshake, without I/O: SOCKS5 (RFC 1928) without authentication,
// SOCKS4 and SOCKS4a (Ying-Da Lee's notes). CONNECT only. Names are left to whoever connects.
class Socks final {
 public:
  struct Target {
    std::string host;  // a name, or an address
    std::uint16_t port = 0;
  };

  // Takes what the client has sent. The target once it is known; nothing while more must come. The
  // error says why it cannot be served. In each case answer() is to be sent first.
  Result<std::optional<Target>> feed(std::string_view bytes);
  // What the client is to get now. Once.
  std::string answer();
  // What came behind the request: the first bytes for the target.
  std::string rest();

  // The last answer.
  std::string granted() const;
  std::string refused(Code why) const;

  // More bytes than any handshake has.
  static constexpr std::size_t kMost = 1024;

 private:
  enum class State { kGreeting, kRequest, kDone };

  Result<std::optional<Target>> greeting();
  Result<std::optional<Target>> request5();
  Result<std::optional<Target>> request4();
  tl::unexpected<Error> reject(std::uint8_t code, std::string why);
  std::string reply(std::uint8_t code) const;
  std::optional<Target> done(std::size_t used, Target target);

  State state_ = State::kGreeting;
  std::uint8_t version_ = 0;  // 4 or 5 once it is known
  std::string in_, answer_;
};

}  // namespace rdev::tunnels
