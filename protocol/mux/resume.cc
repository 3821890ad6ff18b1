#include "protocol/mux/resume.h"

#include <algorithm>
#include <utility>

#include "protocol/wire/frame.h"

namespace rdev::mux {
namespace {

constexpr std::size_t kHeadBytes = 4 + 4 + 8;
constexpr std::size_t kLaneBytes = 3 * 8 + 4;
constexpr std::size_t kStreamBytes = 8 + kLanes * kLaneBytes;
constexpr std::size_t kStreamsAFrame = (wire::kMaxPayload - kHeadBytes) / kStreamBytes;
// More than any side has open.
constexpr std::size_t kMostStreams = 16384;

void append_stream(std::string& out, const StreamPoint& stream) {
  wire::append_u64(out, stream.id);
  for (const LanePoint& lane : stream.lanes) {
    wire::append_u64(out, lane.received);
    wire::append_u64(out, lane.consumed);
    wire::append_u64(out, lane.limit);
    wire::append_u32(out, lane.ended ? 1 : 0);
  }
}

// `bytes` are long enough.
StreamPoint take_stream(std::string_view& bytes) {
  StreamPoint stream;
  stream.id = *wire::take_u64(bytes);
  for (LanePoint& lane : stream.lanes) {
    lane.received = *wire::take_u64(bytes);
    lane.consumed = *wire::take_u64(bytes);
    lane.limit = *wire::take_u64(bytes);
    lane.ended = *wire::take_u32(bytes) != 0;
  }
  return stream;
}

}  // namespace

std::deque<std::string> resume_frames(wire::Type type, std::uint32_t consumer,
                                      const ResumePoint& point) {
  std::deque<std::string> frames;
  std::size_t next = 0;
  do {
    std::string payload;
    wire::append_u32(payload, point.attempt);
    wire::append_u32(payload, static_cast<std::uint32_t>(frames.size()));
    wire::append_u64(payload, point.received);
    const std::size_t until = std::min(point.streams.size(), next + kStreamsAFrame);
    for (; next < until; ++next) {
      append_stream(payload, point.streams[next]);
    }
    std::uint8_t flags = point.known ? wire::kKnown : 0;
    flags |= next < point.streams.size() ? wire::kMore : 0;
    wire::append_frame(frames.emplace_back(),
                       {.type = type, .flags = flags, .stream = prefix_of(consumer)}, payload);
  } while (next < point.streams.size());
  return frames;
}

Result<std::optional<ResumePoint>> ResumeCollector::take(const wire::Frame& frame) {
  std::string_view payload = frame.payload;
  const auto attempt = wire::take_u32(payload);
  const auto index = wire::take_u32(payload);
  const auto received = wire::take_u64(payload);
  if (!received || payload.size() % kStreamBytes != 0) {
    return fail(Code::kProtocol, "a malformed list of streams to go on with");
  }
  if (*index == 0) {
    point_ = {.attempt = *attempt,
              .known = (frame.header.flags & wire::kKnown) != 0,
              .received = *received,
              .streams = {}};
    next_ = 0;
  } else if (*index != next_ || *attempt != point_.attempt) {
    next_ = 0;  // nothing fits from here on but a first piece
    return std::optional<ResumePoint>();
  }
  ++next_;
  while (!payload.empty()) {
    point_.streams.push_back(take_stream(payload));
  }
  if (point_.streams.size() > kMostStreams) {
    return fail(Code::kLimit, "too many streams to go on with");
  }
  if ((frame.header.flags & wire::kMore) != 0) {
    return std::optional<ResumePoint>();
  }
  next_ = 0;
  return std::optional<ResumePoint>(std::exchange(point_, {}));
}

}  // namespace rdev::mux
