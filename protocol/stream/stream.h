#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "protocol/base/asio.h"

namespace rdev::stream {

// The two byte sequences that a direction may have (RFC 4254 section 5.2, extended data type 1).
enum class Lane { kData, kStderr };

// The out-of-band requests. Towards a service:
struct WindowChange {
  std::uint32_t columns = 0, rows = 0;        // characters
  std::uint32_t width_px = 0, height_px = 0;  // 0: unknown
};
struct Signal {
  std::string name;  // RFC 4254 section 6.9: "TERM", without SIG
};
struct Break {
  std::uint32_t milliseconds = 0;  // RFC 4335; 0: the default length
};
// From a service, at most one of these, before its end:
struct ExitStatus {
  std::uint32_t code = 0;
};
struct ExitSignal {
  std::string name;  // "TERM", without SIG
  bool core_dumped = false;
  std::string message;
};
using Event = std::variant<WindowChange, Signal, Break, ExitStatus, ExitSignal>;

// Duplex bytes with half-close and a few out-of-band events: an SSH channel, later also a stream of
// the link. What the two ends see:
//  - bytes of one lane arrive once, in order, and are bounded in flight: write() waits for room;
//  - write_eof() ends one direction only; the other goes on;
//  - close() ends the stream after what was written has gone out; the destructor closes too.
// At most one read a lane, one write a lane, and one read_event may be pending at a time. When the
// stream or the connection under it dies, pending calls return Code::kClosed.
class Stream {
 public:
  virtual ~Stream() = default;

  // At least one byte, or 0 at the peer's end of this lane (also after its close).
  virtual awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer,
                                              Lane lane = Lane::kData) = 0;
  // All of `bytes`, which must stay valid until this returns.
  virtual awaitable<Result<void>> write(asio::const_buffer bytes, Lane lane = Lane::kData) = 0;
  // The same as read() and write() wait for, so that who waits long needs no buffer meanwhile:
  // until read() returns at once; until there is room, how much write() then takes at once (errors
  // are its). Streams that cannot tell return at once.
  virtual awaitable<void> wait_readable(Lane) { co_return; }
  virtual awaitable<Result<std::size_t>> wait_writable(Lane) { co_return ~std::size_t{0}; }
  virtual void write_eof() = 0;

  // The peer's next event; Code::kClosed when there will be none.
  virtual awaitable<Result<Event>> read_event() = 0;
  virtual void send_event(Event event) = 0;

  virtual void close() = 0;
  // As close(), where something is missing because what feeds the stream broke: after the bytes
  // that were written the peer's read() fails instead of telling an end. Where the carrier has no
  // word for that (RFC 4254) it is close().
  virtual void break_off() { close(); }
};

// Why a stream was not opened (RFC 4254 section 5.1).
enum class Refusal : std::uint32_t {
  kProhibited = 1,
  kConnectFailed = 2,
  kUnknownType = 3,
  kResourceShortage = 4,
};

// A stream that a peer asks for: accept or refuse it, once. Dropped unanswered, it is refused.
class Offer {
 public:
  virtual ~Offer() = default;
  virtual std::unique_ptr<Stream> accept() = 0;
  // `reason` is a sentence for the person at the other end.
  virtual void refuse(Refusal why, std::string reason) = 0;
};

}  // namespace rdev::stream
