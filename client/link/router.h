#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "client/link/consumer.h"
#include "protocol/base/notify.h"

namespace rdev::link_process {

// Frames between the consumers and the agent. The upper half of a stream's id is its consumer, so
// nothing is rewritten, and nothing that one consumer does holds up another.
class Router final {
 public:
  explicit Router(const asio::any_io_executor& executor) : more_(executor) {}

  // False when its number is 0 or taken.
  bool add(const std::shared_ptr<Consumer>& consumer);
  // The agent is told that its streams are over.
  void remove(const Consumer& consumer);

  // --- Up: the one place that decides whose frames go next. ---
  // Frames of the link process itself; they go first.
  void send(wire::Header header, std::string_view payload);
  // A consumer's front() is not empty any more.
  void ready(const std::shared_ptr<Consumer>& consumer);
  // About 64 KiB of whole frames for the agent, a frame of each consumer in turn; valid until
  // done(). Empty when there is nothing.
  std::string_view next();
  void done();
  base::Notify& more() { return more_; }

  // --- Down ---
  // Of the stream frames at the beginning of `bytes`, those that are whole; returns how many bytes
  // that was. Stops at a frame that is no stream's.
  Result<std::size_t> deliver(std::string_view bytes);

  // The connection has died: all streams are over.
  void reset();

  std::size_t streams() const { return streams_.size(); }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  void pass(std::uint32_t number, std::string_view frames);
  void refuse_opens(std::string_view frames);
  void count(std::string_view frames);

  std::unordered_map<std::uint32_t, std::shared_ptr<Consumer>> consumers_;
  base::Notify more_;

  std::string control_;
  std::deque<std::shared_ptr<Consumer>> turns_;  // with frames that wait
  std::string batch_;
  std::shared_ptr<Consumer> lender_;  // whose buffer next() gave out
  std::size_t lent_ = 0;

  // Both open ends; a matter of status, not of routing.
  std::unordered_set<std::uint64_t> streams_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace rdev::link_process
