#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/asio.h"
#include "protocol/link/pace.h"
#include "protocol/wire/frame.h"

namespace rdev::link {

// What one end sends over a connection, held to its pace: marks among the frames, which the peer
// answers with when they came (PROTOCOL.md section 2), and the wait that follows from that.
class Flow final {
 public:
  explicit Flow(const asio::any_io_executor& executor) : timer_(executor) {}

  // --- Sending, in this order ---
  // Until the next frames may go.
  awaitable<void> turn();
  // So many bytes of frames at most: what comes later waits for them.
  std::size_t portion() const { return portion_; }
  // The payload of a MARK that is to go ahead of the next frames.
  std::optional<std::string> mark();
  void sent(std::size_t bytes);
  // There was nothing to send.
  void idle() { idle_ = true; }

  // --- Frames of the peer ---
  // The payload of the ARRIVED that answers its MARK.
  static Result<std::string> answer(std::string_view mark);
  // ARRIVED.
  Result<void> arrived(std::string_view payload);

 private:
  using Clock = std::chrono::steady_clock;

  void follow(std::optional<std::uint64_t> limit);
  std::uint64_t sent_by(Clock::time_point now) const;

  Pace pace_;
  asio::steady_timer timer_;
  Clock::time_point next_;  // the line is free then
  std::size_t portion_ = std::numeric_limits<std::size_t>::max();
  std::uint64_t bytes_ = 0;             // sent
  bool idle_ = false, waited_ = false;  // since the last mark
  Pace::Arrival last_;
  std::deque<Pace::Arrival> marks_;  // without an answer
};

}  // namespace rdev::link
