#include "protocol/mux/path.h"

#include <utility>

#include "protocol/wire/frame.h"

namespace rdev::mux {
namespace {

// What an ACKNOWLEDGE costs beside so many frames is nothing.
constexpr std::uint64_t kTellAfter = 32;

}  // namespace

void Path::send(StreamId id, std::string frame, bool first) {
  unsent_.push_back({id, first, std::move(frame)});
}

bool Path::unsend(StreamId id) {
  bool unheard = false;
  std::erase_if(unsent_, [&](const Frame& frame) {
    unheard = unheard || (frame.stream == id && frame.first);
    return frame.stream == id;
  });
  return unheard;
}

bool Path::has_output() const {
  return !resuming.empty() || (up() && (telling_ || !unsent_.empty()));
}

void Path::produce(std::string& out) {
  if (!resuming.empty()) {
    out += resuming.front();
    resuming.pop_front();
  } else if (telling_) {
    telling_ = false;
    told_ = received_;
    std::string count;
    wire::append_u64(count, received_);
    wire::append_frame(out, {.type = wire::Type::kAcknowledge, .stream = prefix_of(consumer)},
                       count);
  } else {
    out += unsent_.front().bytes;
    kept_.push_back(std::move(unsent_.front()));
    unsent_.pop_front();
  }
}

Result<void> Path::acknowledge(std::uint64_t count) {
  if (count > acknowledged_ + kept_.size()) {
    return fail(Code::kProtocol, "an acknowledgement of frames that were never sent");
  }
  while (acknowledged_ < count) {
    kept_.pop_front();
    ++acknowledged_;
  }
  return {};
}

Result<void> Path::rewind(std::uint64_t count) {
  if (auto acknowledged = acknowledge(count); !acknowledged) {
    return acknowledged;
  }
  if (count < acknowledged_) {
    return fail(Code::kProtocol, "frames that were acknowledged are missing");
  }
  while (!kept_.empty()) {
    unsent_.push_front(std::move(kept_.back()));
    kept_.pop_back();
  }
  return {};
}

void Path::count_in() {
  ++received_;
  telling_ = telling_ || received_ - told_ >= kTellAfter;
}

void Path::tell_received() { telling_ = telling_ || received_ > told_; }

}  // namespace rdev::mux
