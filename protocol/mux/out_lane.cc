#include "protocol/mux/out_lane.h"

#include <algorithm>
#include <utility>

#include "protocol/wire/frame.h"

namespace rdev::mux {
namespace {
constexpr std::size_t kMost = wire::kMaxPayload - sizeof(std::uint64_t);
constexpr std::size_t kLeast = 4096;  // what a frame costs beside it does not matter
}  // namespace

OutLane::~OutLane() {
  kept_.clear();
  account();
}

void OutLane::account() {
  if (memory_ != nullptr) {
    memory_->set(std::exchange(accounted_, kept_.size()), kept_.size());
  }
}

void OutLane::raise_limit(std::uint64_t limit) { limit_ = std::max(limit_, limit); }

Result<void> OutLane::credit(std::uint64_t consumed, std::uint64_t limit) {
  if (consumed > sent_) {
    return fail(Code::kProtocol, "credit for bytes that were never sent");
  }
  raise_limit(limit);
  if (consumed > acknowledged_) {
    kept_.drop(consumed - acknowledged_);
    account();
    acknowledged_ = consumed;
  }
  return {};
}

Result<void> OutLane::resume(const LanePoint& peer) {
  if (peer.received > sent_ || peer.consumed > peer.received) {
    return fail(Code::kProtocol, "the peer has more bytes than were sent");
  }
  starved_at_ = full_at_ = 0;  // it may have been lost
  if (discarding_) {
    acknowledged_ = sent_ = peer.received;
    end_sent_ = peer.ended;
    return {};
  }
  if (auto credited = credit(peer.consumed, peer.limit); !credited) {
    return credited;
  }
  if (peer.received < acknowledged_ || (peer.ended && (!end_sent_ || peer.received != written()))) {
    return fail(Code::kProtocol, "the peer is where it cannot be");
  }
  kept_.seek(peer.received - acknowledged_);
  sent_ = peer.received;
  end_sent_ = peer.ended;
  return {};
}

std::size_t OutLane::write(std::string_view bytes) {
  if (finished_) {
    return 0;
  }
  if (discarding_) {
    return bytes.size();
  }
  const std::size_t n = std::min(bytes.size(), room());
  kept_.append(bytes.substr(0, n));
  account();
  wanting_ = n < bytes.size();
  return n;
}

std::size_t OutLane::want_room() {
  if (finished_ || discarding_) {
    return finished_ ? 0 : ~std::size_t{0};
  }
  const std::size_t now = room();
  wanting_ = now == 0;
  return now;
}

void OutLane::discard() {
  kept_.clear();
  account();
  acknowledged_ = sent_;
  discarding_ = true;
}

bool OutLane::take_writable() {
  const bool now = wanting_ && (discarding_ || room() > 0);
  wanting_ = wanting_ && !now;
  return now;
}

std::size_t OutLane::room() const {
  const std::uint64_t granted = limit_ - std::min(limit_, acknowledged_);
  std::uint64_t most = std::clamp(granted, window_, most_);
  if (memory_ != nullptr) {
    most = std::min(most, memory_->share(kept_.size(), acknowledged_));
  }
  return most - std::min<std::uint64_t>(most, kept_.size());
}

std::size_t OutLane::ready() const {
  const std::uint64_t until = std::min(written(), limit_);
  return until > sent_ ? until - sent_ : 0;
}

bool OutLane::sendable(bool may_end) const {
  return ready() > 0 || (waits_at(sent_) && !asked()) ||
         (may_end && finished_ && !end_sent_ && sent_ == written());
}

void OutLane::produce(std::string& out, StreamId id, Lane lane, bool may_end, std::size_t most) {
  const std::size_t n = std::min(ready(), std::clamp(most, kLeast, kMost));
  end_sent_ = may_end && finished_ && sent_ + n == written();
  const std::uint8_t end = broken_ ? wire::kFin | wire::kBroken : wire::kFin;
  const bool starved = sent_ + n == limit_ && (wanting_ || written() > limit_);
  const bool full = !starved && waits_at(sent_ + n);
  starved_at_ = starved ? sent_ + n : starved_at_;
  full_at_ = full ? sent_ + n : full_at_;
  wire::append_header(out,
                      {.type = wire::Type::kData,
                       .lane = static_cast<std::uint8_t>(lane),
                       .flags = end_sent_ ? end
                                : starved ? wire::kStarved
                                : full    ? wire::kFull
                                          : std::uint8_t{0},
                       .stream = id},
                      sizeof sent_ + n);
  wire::append_u64(out, sent_);
  kept_.copy_next(out, n);
  sent_ += n;
}

}  // namespace rdev::mux
