#include "protocol/ssh/inbox.h"

#include <algorithm>

namespace rdev::ssh {
namespace {
// Of the window: a sender at full speed never runs into its end.
constexpr std::uint32_t kCreditSteps = 8;
constexpr std::uint32_t kLeastStep = 64 * 1024;
}  // namespace

bool Inbox::put(stream::Lane lane, std::string_view bytes) {
  if (!skip(bytes.size())) {
    return false;
  }
  if (!dropped_) {
    lanes_[index(lane)].append(bytes);
  }
  return true;
}

bool Inbox::skip(std::size_t size) {
  if (size > window_) {
    return false;
  }
  window_ -= static_cast<std::uint32_t>(size);
  return true;
}

std::size_t Inbox::take(stream::Lane lane, char* out, std::size_t capacity) {
  return lanes_[index(lane)].take(out, capacity);
}

void Inbox::drop() {
  dropped_ = true;
  for (auto& lane : lanes_) {
    lane.clear();
  }
}

std::uint32_t Inbox::take_credit() {
  const std::size_t unread = lanes_[0].size() + lanes_[1].size();
  const std::size_t promised = window_ + unread;
  const std::size_t due = promised < target_ ? target_ - promised : 0;
  if (due == 0 || due < std::min(std::max(kLeastStep, target_ / kCreditSteps), target_ / 2)) {
    return 0;
  }
  window_ += static_cast<std::uint32_t>(due);
  return static_cast<std::uint32_t>(due);
}

}  // namespace rdev::ssh
