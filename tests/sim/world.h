#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/sim/end.h"
#include "tests/sim/network.h"
#include "tests/sim/random.h"

namespace rdev::sim {

// A whole run, decided by its seed alone: who opens what, who writes, reads, closes, dies when, and
// in which pieces the bytes travel.
class World final {
 public:
  explicit World(std::uint64_t seed);

  // Until everything is over and quiet. What went wrong, if anything did.
  std::optional<std::string> run();

  std::uint64_t steps() const { return step_; }
  std::uint64_t bytes() const;  // that were read
  std::size_t talks() const { return talks_.size(); }

 private:
  bool act();
  bool open();
  bool open_child(Talk& talk);
  bool disturb();
  bool kill_process();
  void lose_agent();
  void begin(mux::StreamId id, mux::StreamId parent);
  void add_end(Talk& talk, std::size_t side);
  void drain_events();
  void drain(mux::Mux& mux, const mux::Options& options);
  void check_held(const mux::Mux& mux, const mux::Options& options);
  void check_kept();
  bool over();
  std::optional<std::string> check_nothing_left();
  void wrong(const Talk& talk, const std::string& what);

  Random random_;
  Network network_;
  std::size_t opens_;     // to come, on clients
  std::size_t children_;  // to come, on the agent
  std::size_t disturbances_;
  unsigned network_speed_;  // percent of the steps
  bool acknowledges_;       // else credit must come of itself
  std::unordered_map<mux::StreamId, Talk> talks_;
  std::vector<Talk*> living_;  // with an end that is not over
  bool agent_lost_ = false;
  std::uint64_t step_ = 0;
  std::uint64_t last_progress_ = 0;
  std::string fault_;
};

}  // namespace rdev::sim
