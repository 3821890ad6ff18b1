#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/mux/in_lane.h"
#include "protocol/mux/mux.h"
#include "protocol/mux/out_lane.h"

namespace rdev::mux {

inline constexpr Lane kEveryLane[] = {Lane::kData, Lane::kStderr, Lane::kControl};

// A member of a round robin; leaves it when it dies.
using Turn =
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

struct StreamState final {
  enum class Phase {
    kAsked,    // we opened it; no answer yet
    kOffered,  // the peer opened it; not answered yet
    kOpen,
  };

  StreamState(StreamId stream, Phase begin, const std::uint64_t (&windows)[kLanes]);

  OutLane& outgoing(Lane lane) { return out[static_cast<std::size_t>(lane)]; }
  InLane& incoming(Lane lane) { return in[static_cast<std::size_t>(lane)]; }
  const InLane& incoming(Lane lane) const { return in[static_cast<std::size_t>(lane)]; }
  // The peer may send: it has our ACCEPT or we have its.
  bool open() const { return phase == Phase::kOpen && opening.empty(); }
  bool closed_by_peer() const { return incoming(Lane::kControl).ended(); }
  bool close_sent() { return outgoing(Lane::kControl).end_sent(); }
  // The lane's end may go out: that of kControl is the last.
  bool may_end(Lane lane) const;
  bool sendable(Lane lane) const;
  bool sendable() const;

  StreamId id;
  Phase phase;
  bool closed = false;         // close() was called: the application has let go
  std::uint8_t next_lane = 0;  // whose turn it is
  std::uint8_t credit = 0;     // lanes that have credit to tell, a bit each
  std::string opening;         // an OPEN or ACCEPT that was not sent yet
  std::array<OutLane, kLanes> out;
  std::array<InLane, kLanes> in;
  Turn control_turn;  // has an opening or credit to send
  Turn data_turn;     // is sendable()
};

struct Mux::Impl final {
  using Phase = StreamState::Phase;
  template <Turn StreamState::* kHook>
  using Turns =
      boost::intrusive::list<StreamState, boost::intrusive::member_hook<StreamState, Turn, kHook>,
                             boost::intrusive::constant_time_size<false>>;

  explicit Impl(const Options& chosen) : options(chosen) {}

  // nullptr: over, or never was.
  StreamState* find(StreamId id);
  StreamState& add(StreamId id, Phase phase);
  // One that new streams may hang below.
  bool lives(StreamId id);
  Result<StreamId> next_id(StreamId parent);
  void forget(StreamState& stream);
  // Over: the application hears of it unless it has closed, the peer if it knows the stream.
  void end(StreamState& stream, std::string_view why);
  void fault(StreamState& stream, std::string_view why);
  void send_reset(StreamId id, std::string_view why);
  void send_refusal(StreamId id, stream::Refusal why, std::string_view reason);
  void detach(std::uint32_t consumer);

  // Puts the stream where it gets its turn, after anything that may have changed that.
  void schedule(StreamState& stream);
  void tell_credit(StreamState& stream, Lane lane);
  void produce_control(std::string& out, StreamState& stream);
  void produce_data(std::string& out, StreamState& stream);

  // Frames in.
  Result<void> receive(const wire::Frame& frame);
  void on_open(const wire::Frame& frame);
  void on_whole_open(StreamId id, std::string_view payload);
  void on_accept(StreamState& stream, std::string_view payload);
  void on_refuse(StreamState& stream, std::string_view payload);
  void on_data(StreamState& stream, const wire::Frame& frame);
  void on_credit(StreamState& stream, const wire::Frame& frame);
  void on_close(StreamState& stream);
  void event(const StreamState& stream, Event event);

  Options options;
  std::uint32_t next = 0;
  std::unordered_map<StreamId, StreamState> streams;
  // Payloads of OPENs of which more is to come.
  std::unordered_map<StreamId, std::string> unfinished;
  // RESET and REFUSE frames of streams that are forgotten already.
  std::deque<std::string> farewells;
  Turns<&StreamState::control_turn> control;
  Turns<&StreamState::data_turn> data;
  std::deque<Event> events;
};

}  // namespace rdev::mux
