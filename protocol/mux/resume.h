#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mux/mux.h"

namespace rdev::mux {

// How far one direction of a stream has come, as its receiver says.
struct LanePoint {
  std::uint64_t received = 0;
  std::uint64_t consumed = 0;
  std::uint64_t limit = 0;
  bool ended = false;
};

struct StreamPoint {
  StreamId id = 0;
  LanePoint lanes[kLanes];
};

// What one side of a consumer's streams knows when a new connection begins: the payload of RESUME
// (from the consumer) and of RESUMED (from the agent), PROTOCOL.md section 4.
struct ResumePoint {
  std::uint32_t attempt = 0;   // of the consumer; the answer repeats it
  bool known = false;          // RESUME: has heard of the agent; RESUMED: knows the consumer
  std::uint64_t received = 0;  // counted frames of the peer
  std::vector<StreamPoint> streams;
};

std::deque<std::string> resume_frames(wire::Type type, std::uint32_t consumer,
                                      const ResumePoint& point);

// Puts a ResumePoint together from its frames. One that misses a piece never comes to anything; a
// first piece always begins anew.
class ResumeCollector final {
 public:
  // The whole, after its last frame. An error is a fault of the peer.
  Result<std::optional<ResumePoint>> take(const wire::Frame& frame);
  void clear() { *this = {}; }

 private:
  ResumePoint point_;
  std::uint32_t next_ = 0;  // piece
};

}  // namespace rdev::mux
