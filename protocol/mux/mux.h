#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/mux/memory.h"
#include "protocol/stream/stream.h"
#include "protocol/wire/frame.h"

namespace rdev::mux {

// Upper half: the consumer, a random number that each process of the laptop draws for itself. Lower
// half: counted by who opens, with kAgentOpened set when that is the agent.
using StreamId = std::uint64_t;
inline constexpr StreamId kAgentOpened = 0x80000000;
inline constexpr std::uint32_t consumer_of(StreamId id) {
  return static_cast<std::uint32_t>(id >> 32U);
}
inline constexpr StreamId prefix_of(std::uint32_t consumer) {
  return static_cast<StreamId>(consumer) << 32U;
}

// The byte sequences of one direction. kControl carries encoded stream::Events; its end is the
// close of the stream: who sends it has sent all there is and reads no more.
enum class Lane : std::uint8_t { kData = 0, kStderr = 1, kControl = 2 };
inline constexpr std::size_t kLanes = 3;
// What a request may take: the arguments and the environment of a command are part of it.
inline constexpr std::size_t kLargestRequest = std::size_t{256} << 10U;

// What a line of 1 Gbit/s holds at 167 ms, and half as much again.
inline constexpr std::uint64_t kMostWindow = 32U << 20U;
// What no line of 10 Gbit/s with that round trip holds, in microseconds; 0: it is not known.
constexpr std::uint64_t most_window(std::uint64_t round_trip_us) {
  return round_trip_us == 0 ? kMostWindow : std::min(kMostWindow, 1250 * round_trip_us);
}

enum class Side { kClient, kAgent };

struct Options {
  Side side = Side::kClient;
  std::uint32_t consumer = 0;  // kClient: not 0
  std::size_t streams = 4096;  // at most so many at once
  // How much a peer may send ahead of the consumer, and so how much each side holds at most: unread
  // here, not yet acknowledged there. Less while memory is short.
  std::uint64_t windows[kLanes] = {2U << 20U, 256U << 10U, 16U << 10U};
  // Up to which that of kData grows where a line holds more; 0: it does not.
  std::uint64_t most_window = 0;
  // What data and stderr of all streams may hold together; null: kSessionMemory.
  std::shared_ptr<Memory> memory = nullptr;
};

// What has happened to a stream; drained with next_event() after receive().
struct Event {
  enum class Kind {
    kOpened,    // the peer wants it: accept() or refuse(); `text` is the request
    kAccepted,  // `text` is the answer
    kRefused,   // `refusal` and the sentence in `text`; the stream is forgotten
    kReadable,  // `lane` has bytes or its end
    kWritable,  // `lane` takes bytes again, after write() took less than all
    kReset,     // over, both ways: `text` says why; forget() it
  };
  Kind kind{};
  StreamId id = 0;
  Lane lane = Lane::kData;
  StreamId parent = 0;
  stream::Refusal refusal{};
  std::string text;
};

// The streams of one end of a link: frames and calls go in, frames and events come out. No I/O, no
// clock, no threads. A byte that was written is kept until the peer's consumer has taken it
// (kCredit's `consumed`), so that a new connection goes on where the old one ended.
// Calls that name a stream which is over, or never was, do nothing and return 0. Events already
// queued may name one too. Of a stream that the application has closed or reset it hears no more.
class Mux final {
 public:
  explicit Mux(const Options& options);
  Mux(const Mux&) = delete;
  Mux& operator=(const Mux&) = delete;
  ~Mux();

  // --- The wire ---
  // One frame for which wire::is_stream_frame(). The error is a fault of the peer that ends the
  // connection; a fault within one stream resets that stream only (both ends are told).
  Result<void> receive(const wire::Frame& frame);
  // Appends whole frames to `out` until it has `enough` bytes or nothing may be sent now: control
  // frames first, then the streams in turn, one frame each.
  void produce(std::string& out, std::size_t enough);
  bool has_output() const;
  std::optional<Event> next_event();

  // --- The application ---
  // Code::kLimit: too many, or a request over kLargestRequest; Code::kClosed: the parent is
  // over. A `parent` (kAgent: required) gives the stream its consumer. May be written at once; the
  // bytes go out after kAccepted.
  Result<StreamId> open(std::string_view request, StreamId parent = 0);
  void accept(StreamId id, std::string_view answer = {});
  void refuse(StreamId id, stream::Refusal why, std::string_view reason);

  // Takes what there is room for; how many. After a call that took less than all, kWritable tells
  // of room. Nothing before accept() or after finish(); everything, to be dropped, once
  // closed_by_peer().
  std::size_t write(StreamId id, Lane lane, std::string_view bytes);
  // What write() would take now. Where that is nothing, kWritable tells of room.
  std::size_t room(StreamId id, Lane lane);
  // The lane ends after what was written. Of kControl it is close().
  void finish(StreamId id, Lane lane);
  // Moves bytes out and gives credit for them.
  std::size_t read(StreamId id, Lane lane, char* out, std::size_t capacity);
  // Gives credit also for the few bytes that read() did not give credit for yet, so that the peer
  // of an idle stream need not keep them. Call it now and then.
  void acknowledge();
  // Bytes waiting to be read.
  std::size_t readable(StreamId id, Lane lane) const;
  // The peer has ended the lane and everything was read.
  bool at_end(StreamId id, Lane lane) const;
  // The end of the lane, once it was reached, is the peer's break_off(): something is missing.
  bool broken(StreamId id, Lane lane) const;
  // The peer has closed: what is written now goes nowhere.
  bool closed_by_peer(StreamId id) const;
  // Ends every lane after what was written; unread and later bytes are dropped. The stream is
  // forgotten when both ends have closed. An offered stream is refused.
  void close(StreamId id);
  // finish() for kData and kStderr where something is missing: the peer sees broken(). What was
  // finished before stays so.
  void break_off(StreamId id);
  // Over, at once, both ways; the peer is told why.
  void reset(StreamId id, std::string_view why);
  // Every stream is over, with kReset events; nothing is left to send.
  void reset_all(std::string_view why);

  // --- Connections go and come ---
  // The connection is gone; streams wait. On the agent's side each consumer's go on when its RESUME
  // comes, on the client's after resume().
  void suspend();
  // Options::most_window from now on; writers may have room then.
  void set_most_window(std::uint64_t most);
  // kClient: there is a connection again; the first frame on it is to be what produce() gives next.
  // receive() fails with Code::kNotFound when the agent does not know the streams any more.
  void resume();
  // kAgent: those with streams, or a connection.
  std::vector<std::uint32_t> consumers() const;

  // All streams of a consumer, without a word to it.
  void detach(std::uint32_t consumer);

  std::size_t streams() const;
  // Bytes held for all streams: written and not acknowledged, received and not read.
  std::size_t held() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdev::mux
