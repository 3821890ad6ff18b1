#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::wire {

// The frames of the link, PROTOCOL.md section 2. All numbers are big-endian.
//
//   u32 size of what follows the header | u8 type | u8 lane | u8 flags | u8 0 | u64 stream |
//   payload
inline constexpr std::size_t kHeaderBytes = 16;
// A whole frame is at most one SSH packet's worth.
inline constexpr std::size_t kMaxFrameBytes = 32768;
inline constexpr std::size_t kMaxPayload = kMaxFrameBytes - kHeaderBytes;

enum class Type : std::uint8_t {
  // Of the connection; stream is 0.
  kHello = 1,      // client: Hello
  kWelcome = 2,    // agent: Welcome
  kGoodbye = 3,    // either: Goodbye; the last frame
  kHeartbeat = 4,  // either: Heartbeat
  kMark = 5,       // either: u64 when it was sent, microseconds
  kArrived = 6,    // either, to a MARK: the same | u64 when it came, by the clock of who says it
  // Of a stream.
  kOpen = 16,    // u64 parent | u64 limit of each lane | StreamRequest
  kAccept = 17,  // u64 limit of each lane | answer, by the kind of the request
  kRefuse = 18,  // u32 stream::Refusal | sentence
  kData = 19,    // u64 offset | bytes; flags kFin and kBroken
  kCredit = 20,  // u64 consumed | u64 limit
  kReset = 21,   // u32 0 | sentence: the stream is over, both ways
  // Of a consumer; stream is its prefix.
  kDetach = 22,       // all its streams are over
  kResume = 23,       // consumer: where it is, on a new connection; flags kKnown and kMore
  kResumed = 24,      // agent: the answer
  kAcknowledge = 25,  // u64 count of OPEN, ACCEPT, REFUSE and RESET that have come
  // Between a process of the laptop and its link process only; stream is 0.
  kAttach = 64,     // consumer: Attach
  kAttached = 65,   // link: Attached: streams may be opened now
  kLost = 66,       // link: Lost: all streams are over; the last frame
  kAskStatus = 67,  // anybody: empty
  kStatus = 68,     // link: LinkStatus
  kStop = 69,       // anybody: empty; the link process ends
  kPaused = 70,     // link: Paused: the connection is gone; another ATTACHED follows, or LOST
  kRoundTrip = 71,  // link: u64 microseconds: of the line to the agent, when it is another
};

inline constexpr std::uint8_t kFin = 1;       // DATA: the lane ends after its bytes
inline constexpr std::uint8_t kMore = 2;      // OPEN, RESUME, RESUMED: another one goes on with it
inline constexpr std::uint8_t kBroken = 4;    // DATA, beside kFin: it was broken off there
inline constexpr std::uint8_t kStarved = 16;  // DATA: there is more, but no credit for it
inline constexpr std::uint8_t kBehind = 32;   // DATA, on the laptop: its consumer is slow to read
inline constexpr std::uint8_t kFull = 64;     // DATA: its sender keeps no more until it is consumed
inline constexpr std::uint8_t kKnown = 8;     // RESUME, RESUMED: the sender has heard of the other

struct Header {
  std::uint32_t size = 0;  // of the payload
  Type type{};
  std::uint8_t lane = 0;
  std::uint8_t flags = 0;
  std::uint64_t stream = 0;
};

struct Frame {
  Header header;
  std::string_view payload;  // valid until the decoder's next call
};

// Of a stream, as opposed to of the connection: what a link process passes on unread. Also types
// between these that nobody knows yet.
bool is_stream_frame(Type type);

// Appends a whole frame. `head` and `body` together are the payload (at most kMaxPayload).
void append_frame(std::string& out, Header header, std::string_view head,
                  std::string_view body = {});
// Only the header of a frame, whose `payload` bytes the caller appends.
void append_header(std::string& out, Header header, std::size_t payload);

// Cuts bytes, as they come in any pieces, into frames.
class Decoder final {
 public:
  // `bytes` must stay valid until next() has returned nothing.
  void feed(std::string_view bytes);
  // The next whole frame; nothing when more bytes are needed. Code::kProtocol: a frame that is too
  // long, after which the decoder must not be used again. Unknown types are frames like others.
  Result<std::optional<Frame>> next();

 private:
  // Moves fed bytes until partial_ has `size`; false when there were too few.
  bool gather(std::size_t size);

  std::string partial_;    // the beginning of a frame
  std::string_view fed_;   // not looked at yet
  bool consumed_ = false;  // partial_ holds a frame that was given out
};

// Numbers in payloads.
void append_u32(std::string& out, std::uint32_t value);
void append_u64(std::string& out, std::uint64_t value);
// Take one off the front; nothing when `bytes` are too short.
std::optional<std::uint32_t> take_u32(std::string_view& bytes);
std::optional<std::uint64_t> take_u64(std::string_view& bytes);

// A peer's sentence, fit to be shown to a person: its first kMaxSentence bytes, without control
// characters.
inline constexpr std::size_t kMaxSentence = 500;
std::string sentence(std::string_view text);

}  // namespace rdev::wire
