#include <algorithm>

#include "protocol/mux/impl.h"

namespace rdev::mux {

StreamState::StreamState(StreamId stream, Path& its_path, Phase begin,
                         const std::uint64_t (&windows)[kLanes])
    : id(stream),
      path(its_path),
      phase(begin),
      out{OutLane(windows[0]), OutLane(windows[1]), OutLane(windows[2])},
      in{InLane(windows[0]), InLane(windows[1]), InLane(windows[2])} {}

bool StreamState::may_end(Lane lane) const {
  return lane != Lane::kControl || (out[0].end_sent() && out[1].end_sent());
}

bool StreamState::sendable(Lane lane) const {
  return out[static_cast<std::size_t>(lane)].sendable(may_end(lane));
}

bool StreamState::sendable() const {
  return phase == Phase::kOpen && std::any_of(std::begin(kEveryLane), std::end(kEveryLane),
                                              [this](Lane lane) { return sendable(lane); });
}

}  // namespace rdev::mux
