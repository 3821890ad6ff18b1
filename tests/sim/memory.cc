// What the muxes may hold.
#include <algorithm>
#include <numeric>

#include "tests/sim/world.h"

namespace rdev::sim {
namespace {

std::uint64_t sum(const mux::Options& options) {
  return std::accumulate(std::begin(options.windows), std::end(options.windows),
                         std::max(options.windows[0], options.most_window) - options.windows[0]);
}

// Of one direction of a stream when nothing is on its way: unread there, not acknowledged here.
std::uint64_t kept(const End& writer, const End* reader) {
  std::uint64_t all = 0;
  for (std::size_t l = 0; l < mux::kLanes; ++l) {
    const std::uint64_t unread = writer.written[l] - (reader == nullptr ? 0 : reader->read[l]);
    all += 2 * unread;
    if (reader != nullptr && !reader->at_end(l)) {
      all += std::min<std::uint64_t>(65536, (reader->most_window(l) + 1) / 2) - 1;
    }
  }
  return all;
}

}  // namespace

void World::check_held(const mux::Mux& mux, const mux::Options& options) {
  if (mux.held() > 2 * sum(options) * mux.streams()) {
    fault_ = "held: " + std::to_string(mux.held());
  }
  for (const auto& memory : {options.memory, network_.above}) {
    // Four lanes of each stream: control has its own.
    const bool its = memory && (memory == options.memory || &mux == network_.agent.get());
    if (its && memory->used() > memory->limit() + 4 * mux.streams() * memory->least()) {
      fault_ = std::to_string(memory->used()) + " bytes of memory are used, where there are " +
               std::to_string(memory->limit());
    }
  }
  if (mux.streams() > options.streams) {
    fault_ = "more streams than allowed";
  }
}

// When nothing is on its way, no more is kept than is unread or too little for a CREDIT.
void World::check_kept() {
  std::uint64_t most = 0;
  for (const Talk* talk : living_) {
    const End* const ends[] = {talk->ends[0].get(), talk->ends[1].get()};
    const auto over = [](const End* end) {
      return end != nullptr && end->phase == End::Phase::kOver;
    };
    if (over(ends[0]) || over(ends[1])) {  // then it is the windows that bound it
      for (const End* end : ends) {
        most += end == nullptr ? 0 : 2 * sum(end->options());
      }
      continue;
    }
    most += kept(*ends[0], ends[1]);
    most += ends[1] == nullptr ? 0 : kept(*ends[1], ends[0]);
  }
  std::uint64_t held = network_.agent->held();
  for (const auto& client : network_.clients) {
    held += client->gone ? 0 : client->mux->held();
  }
  if (held > most) {
    fault_ = std::to_string(held) + " bytes are kept where " + std::to_string(most) + " would do";
  }
}

std::optional<std::string> World::check_nothing_left() {
  std::size_t streams = network_.agent->streams();
  std::size_t held = network_.agent->held();
  held += network_.agent_options.memory ? network_.agent_options.memory->used() : 0;
  held += network_.above ? network_.above->used() : 0;
  for (const auto& client : network_.clients) {
    held += client->gone || !client->options.memory ? 0 : client->options.memory->used();
    streams += client->gone ? 0 : client->mux->streams();
    held += client->gone ? 0 : client->mux->held();
  }
  if (streams + held > 0) {
    return std::to_string(streams) + " streams and " + std::to_string(held) +
           " bytes are left when all is over";
  }
  return std::nullopt;
}

}  // namespace rdev::sim
