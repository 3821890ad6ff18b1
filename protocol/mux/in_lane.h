#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "protocol/base/result.h"
#include "protocol/mux/chunks.h"
#include "protocol/mux/memory.h"

namespace rdev::mux {

// The receiving half of a lane, and the only place that decides when credit is due.
class InLane final {
 public:
  explicit InLane(std::uint64_t window) : InLane(window, window, nullptr, window) {}
  // Where a sender waits for credit although its bytes are taken as they come, the window is less
  // than what the line holds: it doubles, up to `most`. What a consumer does not take makes it as
  // small as it was. What the sender may send is taken from `memory` (which outlives the lane) when
  // that is promised; the promise is less than the window where there is less, and the first one is
  // at most `first`.
  InLane(std::uint64_t window, std::uint64_t most, Memory* memory, std::uint64_t first);
  InLane(const InLane&) = delete;
  InLane& operator=(const InLane&) = delete;
  ~InLane();

  enum class End { kNone, kEnd, kBroken };
  // A DATA frame; whether it brought bytes or the end. An error is a fault of the peer.
  Result<bool> data(std::uint64_t offset, std::string_view bytes, End end);
  std::size_t read(char* out, std::size_t capacity);
  // The sender has no credit for more.
  void starved();
  // Up to where the window may grow from now on.
  void set_most(std::uint64_t most) { most_ = std::max(most, window_); }
  // The sender keeps no more before it hears of what it has sent.
  void full() { asked_ = received_; }
  // More waits on its way here for the consumer to read it.
  void fell_behind();
  // Nobody reads any more: what is here and what comes later counts as taken.
  void drop_all();

  std::size_t held() const { return unread_.size(); }
  std::uint64_t received() const { return received_; }
  bool ended() const { return end_ != End::kNone; }
  bool at_end() const { return ended() && unread_.empty(); }
  bool broken() const { return end_ == End::kBroken; }
  std::uint64_t limit() const { return limit_; }

  struct Credit {
    std::uint64_t consumed = 0, limit = 0;
  };
  // The sender should hear of what was taken: it moved on by so much that the window must not run
  // empty meanwhile, or the lane is over and the sender's memory can be free.
  bool credit_due() const;
  // There is something to tell at all.
  bool credit_owed() const { return consumed() > told_; }
  // Takes what is to be told as told.
  Credit take_credit();

 private:
  void grow_if_due();
  // After anything that may have changed what is promised or held.
  void account();
  std::uint64_t consumed() const { return received_ - unread_.size(); }

  Chunks unread_;  // until received_
  std::uint64_t window_;
  std::uint64_t received_ = 0;
  std::uint64_t told_ = 0;      // of consumed()
  std::uint64_t limit_;         // as told
  std::uint64_t granted_;       // of it ahead of told_, then
  std::uint64_t asked_ = 0;     // up to where it is to be told at once
  std::uint64_t least_, most_;  // of window_
  Memory* memory_;              // nullptr: there is enough
  std::uint64_t accounted_ = 0;
  bool starved_ = false;  // the sender, since it grew
  bool grown_ = false;    // since credit was told
  End end_ = End::kNone;
  bool dropping_ = false;
};

}  // namespace rdev::mux
