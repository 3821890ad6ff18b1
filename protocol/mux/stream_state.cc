#include <algorithm>

#include "protocol/mux/impl.h"

namespace rdev::mux {
namespace {

std::uint64_t most_window(const Options& options) {
  return std::max(options.windows[0], options.most_window);
}

}  // namespace

StreamState::StreamState(StreamId stream, Path& its_path, Phase begin, const Options& options)
    : id(stream),
      path(its_path),
      phase(begin),
      // Control is small, and must not wait for what others hold. Most streams have no stderr:
      // where one has, a round trip makes its window what it is to be.
      out{OutLane(options.windows[0], most_window(options), options.memory.get()),
          OutLane(options.windows[1], options.windows[1], options.memory.get()),
          OutLane(options.windows[2])},
      in{InLane(options.windows[0], most_window(options), options.memory.get(), options.windows[0]),
         InLane(options.windows[1], options.windows[1], options.memory.get(),
                options.memory->least()),
         InLane(options.windows[2])} {}

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
