#include "protocol/mux/in_lane.h"

#include <algorithm>
#include <utility>

namespace rdev::mux {
namespace {
// A credit frame for so many bytes costs nothing beside them; a window that is not much larger
// gets one at its half, so that the sender does not wait for the next. The sender may keep less
// than the window holds, 2 MiB: it must never wait for a step that long.
constexpr std::uint64_t kLeastStep = 65536, kMostStep = 262144;
constexpr std::uint64_t kCreditSteps = 8;
}  // namespace

InLane::InLane(std::uint64_t window, std::uint64_t most, Memory* memory, std::uint64_t first)
    : window_(window),
      limit_(memory == nullptr ? window : std::min({window, first, memory->share(0, 0)})),
      granted_(limit_),
      least_(window),
      most_(most),
      memory_(memory) {
  account();
}

InLane::~InLane() {
  if (memory_ != nullptr) {
    memory_->set(accounted_, 0);
  }
}

void InLane::account() {
  if (memory_ != nullptr) {
    const std::uint64_t promised = dropping_ || ended() ? unread_.size() : limit_ - consumed();
    memory_->set(std::exchange(accounted_, promised), promised);
  }
}

Result<bool> InLane::data(std::uint64_t offset, std::string_view bytes, End end) {
  if (offset > received_) {
    return fail(Code::kProtocol, "bytes are missing");
  }
  const std::uint64_t known = received_ - offset;  // received already
  if (known > bytes.size()) {
    return end == End::kNone ? Result<bool>(false)
                             : fail(Code::kProtocol, "a lane ends before its last byte");
  }
  bytes.remove_prefix(known);
  if (ended()) {
    return bytes.empty() ? Result<bool>(false)
                         : fail(Code::kProtocol, "bytes behind the end of a lane");
  }
  if (bytes.size() > limit_ - received_) {
    return fail(Code::kProtocol, "more bytes than there was credit for");
  }
  received_ += bytes.size();
  end_ = end;
  if (!dropping_) {
    unread_.append(bytes);
  }
  account();
  return end != End::kNone || !bytes.empty();
}

std::size_t InLane::read(char* out, std::size_t capacity) {
  const std::size_t n = unread_.take(out, capacity);
  account();
  grow_if_due();
  return n;
}

void InLane::starved() {
  starved_ = true;
  grow_if_due();
}

void InLane::grow_if_due() {
  if (!starved_ || dropping_ || unread_.size() > window_ / 4) {
    return;
  }
  starved_ = false;
  const std::uint64_t more = std::min(window_, most_ - window_);
  window_ += more;
  grown_ = more > 0;
}

void InLane::fell_behind() {
  starved_ = false;
  window_ = least_;
}

void InLane::drop_all() {
  unread_.clear();
  dropping_ = true;
  account();
}

bool InLane::credit_due() const {
  const std::uint64_t moved = consumed() - told_;
  return grown_ ||
         moved >= std::min(std::clamp(window_ / kCreditSteps, kLeastStep, kMostStep),
                           (granted_ + 1) / 2) ||
         (moved > 0 && at_end()) || (asked_ > told_ && consumed() >= asked_);
}

InLane::Credit InLane::take_credit() {
  told_ = consumed();
  if (unread_.size() > window_ / 2) {
    fell_behind();
  }
  grown_ = false;
  const std::uint64_t share = memory_ == nullptr ? window_ : memory_->share(accounted_, told_);
  limit_ = std::max(limit_, told_ + std::min(window_, share));
  granted_ = limit_ - told_;
  account();
  return {told_, limit_};
}

}  // namespace rdev::mux
