#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/result.h"
#include "protocol/mux/chunks.h"
#include "protocol/mux/memory.h"
#include "protocol/mux/mux.h"
#include "protocol/mux/resume.h"

namespace rdev::mux {

// The sending half of a lane: bytes stay here until the peer's consumer has taken them.
class OutLane final {
 public:
  explicit OutLane(std::uint64_t window) : OutLane(window, window, nullptr) {}
  // It keeps as much as the peer would take, at least `window` and at `most`, as far as there is
  // `memory` (which outlives the lane).
  OutLane(std::uint64_t window, std::uint64_t most, Memory* memory)
      : window_(window), most_(most), memory_(memory) {}
  OutLane(const OutLane&) = delete;
  OutLane& operator=(const OutLane&) = delete;
  ~OutLane();

  // How much it keeps from now on.
  void set_most(std::uint64_t most) { most_ = std::max(most, window_); }
  // How far the peer lets us send; a smaller number than before changes nothing.
  void raise_limit(std::uint64_t limit);
  // The peer's CREDIT. An error is a fault of the peer.
  Result<void> credit(std::uint64_t consumed, std::uint64_t limit);

  // Goes on where the peer's half is. An error is a fault of the peer.
  Result<void> resume(const LanePoint& peer);

  // Takes what there is room for.
  std::size_t write(std::string_view bytes);
  // What write() would take. Where that is nothing, take_writable() tells of room.
  std::size_t want_room();
  void finish() { finished_ = true; }
  // As finish(), but something is missing; nothing after finish().
  void break_off() {
    broken_ = broken_ || !finished_;
    finished_ = true;
  }
  // Nobody reads any more: what is held is dropped, what is written later too.
  void discard();
  // Whether a write that took less than all may be tried again; tells so once.
  bool take_writable();

  // Something may be sent now; an end only if `may_end`.
  bool sendable(bool may_end) const;
  // Appends the next DATA frame, of about `most` bytes unless that is very little.
  void produce(std::string& out, StreamId id, Lane lane, bool may_end, std::size_t most);
  bool end_sent() const { return end_sent_; }

  std::size_t held() const { return kept_.size(); }

 private:
  std::uint64_t written() const { return acknowledged_ + kept_.size(); }
  std::size_t room() const;
  // Of what may be sent now, the bytes.
  std::size_t ready() const;
  // The writer waits, and all that it wrote is with the peer, which has to hear of that.
  bool waits_at(std::uint64_t sent) const { return wanting_ && sent == written() && !finished_; }
  // It has: that there is no credit, or that nothing more is kept. What was said of the one may
  // leave a part of what is kept for later, and then says nothing of the other.
  bool asked() const { return (sent_ == limit_ ? starved_at_ : full_at_) == sent_; }
  void account();

  Chunks kept_;  // from acknowledged_ on
  std::uint64_t window_, most_;
  Memory* memory_;  // nullptr: there is enough
  std::size_t accounted_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t starved_at_ = 0, full_at_ = 0;  // where that was told
  bool finished_ = false;
  bool broken_ = false;
  bool end_sent_ = false;
  bool discarding_ = false;
  bool wanting_ = false;  // a write took less than all
};

}  // namespace rdev::mux
