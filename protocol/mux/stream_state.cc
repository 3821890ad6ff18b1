#include <algorithm>

#include "protocol/mux/impl.h"

namespace rdev::mux {

StreamState::StreamState(StreamId stream, Path& its_path, Phase begin, const Options& options,
                         std::uint64_t& growth)
    : id(stream),
      path(its_path),
      phase(begin),
      out{OutLane(options.windows[0], std::max(options.windows[0], options.most_window)),
          OutLane(options.windows[1]), OutLane(options.windows[2])},
      in{InLane(options.windows[0], std::max(options.windows[0], options.most_window), &growth),
         InLane(options.windows[1]), InLane(options.windows[2])} {}

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
