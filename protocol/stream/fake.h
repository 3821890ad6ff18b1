#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/stream/stream.h"

namespace rdev::stream {

inline constexpr std::size_t kFakeCapacity = 65536;

// The two ends of a stream in memory, with the contract of Stream. Each lane of each direction
// holds at most `capacity` bytes; a write waits for room. An end that is destroyed with bytes
// unread loses them, and the other end's write returns Code::kClosed.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pair(
    const asio::any_io_executor& executor, std::size_t capacity = kFakeCapacity);

// What became of a FakeOffer. `peer` is the asking side's end after accept().
struct Answer {
  explicit Answer(const asio::any_io_executor& executor) : changed(executor) {}
  bool answered() const { return peer != nullptr || refused.has_value(); }
  // Resolves when the offer has been answered (at once when it has been).
  awaitable<void> wait();

  std::unique_ptr<Stream> peer;
  std::optional<std::pair<Refusal, std::string>> refused;
  base::Notify changed;
};

// Records its answer; refuses by itself when dropped unanswered.
class FakeOffer final : public Offer {
 public:
  FakeOffer(asio::any_io_executor executor, std::shared_ptr<Answer> answer,
            std::size_t capacity = kFakeCapacity)
      : executor_(std::move(executor)), answer_(std::move(answer)), capacity_(capacity) {}
  FakeOffer(const FakeOffer&) = delete;
  FakeOffer& operator=(const FakeOffer&) = delete;
  ~FakeOffer() override;

  std::unique_ptr<Stream> accept() override;
  void refuse(Refusal why, std::string reason) override;

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Answer> answer_;
  std::size_t capacity_;
};

}  // namespace rdev::stream
