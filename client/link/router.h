#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "client/link/consumer.h"
#include "protocol/base/notify.h"
#include "protocol/mux/fair_turns.h"
#include "protocol/stream/portion.h"

namespace rdev::link_process {

// Frames between the consumers and the agent. The upper half of a stream's id is its consumer, so
// nothing is rewritten, and nothing that one consumer does holds up another.
class Router final {
 public:
  explicit Router(const asio::any_io_executor& executor);

  // False when its number is 0 or taken.
  bool add(const std::shared_ptr<Consumer>& consumer);
  // The agent is told that its streams are over.
  void remove(const Consumer& consumer);
  // A connection begins. `held`: whose streams the agent has. It is told of those that have gone
  // since the last one. Before the first connection of all that cannot be known: whoever is not
  // here may come yet, until detach_strangers().
  void detach_gone(const std::vector<std::uint32_t>& held);
  bool awaits_strangers() const { return !strangers_.empty(); }
  void detach_strangers();

  // --- Up: the one place that decides whose frames go next. ---
  // Frames of the link process itself; they go first.
  void send(wire::Header header, std::string_view payload);
  // A consumer's front() is not empty any more.
  void ready(Consumer& consumer);
  // Whole frames for the agent, of the consumers in turn as a mux does with its streams; valid
  // until done(). Empty when there is nothing.
  std::string_view next();
  // How long the carrier took to take them.
  void done(stream::Portion::Duration took);
  base::Notify& more() { return more_; }
  // About so much is given out at once.
  std::size_t portion() const { return portion_.size(); }
  // Nothing waits, and what next() gave is done().
  bool idle() const { return idle_ && control_.empty() && turns_.empty(); }
  base::Notify& went_idle() { return went_idle_; }

  // --- Down ---
  // Of the stream frames at the beginning of `bytes`, those that are whole; returns how many bytes
  // that was. Stops at a frame that is no stream's.
  Result<std::size_t> deliver(std::string_view bytes);

  // The connection has died: what waits to go out over it does not any more.
  void reset();

  std::size_t streams() const { return streams_.size(); }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  std::string_view lend(Consumer& consumer);
  std::string_view take(Consumer& consumer, std::size_t most);
  void pass(std::uint32_t number, std::string_view frames);
  void count(std::string_view frames);

  void detach(std::uint32_t number);

  std::unordered_map<std::uint32_t, std::shared_ptr<Consumer>> consumers_;
  bool began_ = false;                           // the first connection
  std::unordered_set<std::uint32_t> strangers_;  // of the link process before; may come yet
  base::Notify more_, went_idle_;
  bool idle_ = true;

  std::string control_;
  mux::FairTurns<Consumer> turns_;  // with frames that wait
  stream::Portion portion_;
  std::string batch_;
  std::shared_ptr<Consumer> lender_;  // whose buffer next() gave out
  std::size_t given_ = 0;             // what it gave out

  // Both open ends; a matter of status, not of routing.
  std::unordered_set<std::uint64_t> streams_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace rdev::link_process
