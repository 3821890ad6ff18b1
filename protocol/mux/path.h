#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <string>

#include "protocol/mux/mux.h"
#include "protocol/mux/resume.h"

namespace rdev::mux {

// A member of a round robin; leaves it when it dies.
using Turn =
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// What one consumer and the agent share beside their streams: whether frames may go now, and the
// frames that must arrive once, in order, whatever happens to connections (OPEN, ACCEPT, REFUSE,
// RESET). Both sides count these; what is not acknowledged is sent again.
class Path final {
 public:
  enum class State {
    kUp,
    kDown,   // the connection is gone
    kAsked,  // consumer: RESUME is on its way; only its answer counts
  };

  explicit Path(std::uint32_t its_consumer) : consumer(its_consumer) {}
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  bool up() const { return state == State::kUp; }

  // --- Out ---
  // `first`: the first frame of its stream.
  void send(StreamId id, std::string frame, bool first = false);
  // Frames of the stream that were not sent are not sent any more; whether the peer has heard of
  // nothing then.
  bool unsend(StreamId id);
  bool has_output() const;
  void produce(std::string& out);
  // Those that wait or may be needed again.
  std::size_t held() const { return unsent_.size() + kept_.size(); }
  // The peer has `count` of them. An error is a fault of the peer.
  Result<void> acknowledge(std::uint64_t count);
  // The same; those behind are sent again.
  Result<void> rewind(std::uint64_t count);

  // --- In ---
  void count_in();
  std::uint64_t received() const { return received_; }
  void tell_received();  // now and then, so that the peer need not keep the last ones

  const std::uint32_t consumer;
  State state = State::kUp;
  bool heard = false;                // of the peer
  std::uint32_t attempt = 0;         // consumer: to resume
  std::deque<std::string> resuming;  // RESUME or RESUMED; they go first
  ResumeCollector collector;
  Turn turn;  // has_output()

 private:
  struct Frame {
    StreamId stream;
    bool first;
    std::string bytes;
  };

  std::deque<Frame> unsent_;
  std::deque<Frame> kept_;  // sent
  std::uint64_t acknowledged_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t told_ = 0;  // of received_
  bool telling_ = false;
};

}  // namespace rdev::mux
