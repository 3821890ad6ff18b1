#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/mux/mux.h"
#include "tests/sim/random.h"

namespace rdev::sim {

struct Talk;

// One end of a stream: writes, reads and leaves as it likes, and checks what it sees against what
// the other end has done. It waits for events and never asks twice: a lost event leaves it stuck.
class End final {
 public:
  enum class Leaving {
    kPolite,         // ends its lanes, reads to the peer's ends, closes
    kLast,           // the same, and waits for the peer's close
    kWriteAndClose,  // unread bytes are the mux's to drop
    kBreakOff,       // the same, where something is missing
    kClose,          // at some time
    kReset,          // at some time
  };
  enum class Answer { kAccept, kRefuse, kReset, kClose };
  enum class Phase { kAsked, kDeciding, kTalking, kOver };

  // Side 0 is the opener's.
  End(Random& random, Talk& talk, std::size_t side, mux::Mux& mux, const mux::Options& options,
      const mux::Options& peers);

  // One step; whether there was anything to do. What is wrong is told in Talk::fault.
  bool act();
  void on_event(const mux::Event& event);
  // The end's process is gone.
  void die() { phase = Phase::kOver; }

  bool at_end(std::size_t lane) const { return at_end_[lane]; }
  const mux::Options& options() const { return options_; }
  std::uint64_t most_window(std::size_t lane) const;
  std::string state() const;

  Phase phase;
  std::uint64_t written[mux::kLanes] = {};
  std::uint64_t read[mux::kLanes] = {};
  bool finished[mux::kLanes] = {};
  bool broken[mux::kLanes] = {};  // finished so
  bool closed = false;            // or reset
  mux::Mux& mux;

 private:
  bool answer();
  bool leave();
  bool write(mux::Lane lane);
  bool read_some(mux::Lane lane);
  void check_end(mux::Lane lane);
  void check_bytes(mux::Lane lane, const char* bytes, std::size_t n);
  void break_off();
  void close();
  void reset();
  void over(const mux::Event& event);
  bool refused_by_mux(const mux::Event& event) const;
  bool all_written() const { return left_[0] + left_[1] + left_[2] == 0; }
  const End* other() const;
  void wrong(const std::string& what);

  Random& random_;
  Talk& talk_;
  std::size_t side_;
  mux::Options options_;
  Leaving leaving_;
  Answer answer_;
  std::size_t patience_;             // acts until it answers, or leaves without reason
  std::size_t piece_;                // the most that it writes or reads at once
  bool reads_late_;                  // only after it has written everything
  std::uint64_t left_[mux::kLanes];  // to write
  bool blocked_[mux::kLanes] = {};   // until kWritable
  bool hungry_[mux::kLanes] = {true, true, true};  // until kReadable
  bool at_end_[mux::kLanes] = {};
};

// A stream as both ends know it.
struct Talk {
  mux::StreamId id = 0;
  mux::StreamId parent = 0;
  std::unique_ptr<End> ends[2];  // the opener's, the other's once it has heard of it
  std::string answer;
  std::string refusal;              // the sentence; empty: not refused
  std::vector<std::string> resets;  // why it may end early
  bool lost = false;                // the agent's end is; another agent may hear of it
  std::string fault;                // what was wrong
};

}  // namespace rdev::sim
