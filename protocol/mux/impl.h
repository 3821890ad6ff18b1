#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/mux/fair_turns.h"
#include "protocol/mux/in_lane.h"
#include "protocol/mux/mux.h"
#include "protocol/mux/out_lane.h"
#include "protocol/mux/path.h"

namespace rdev::mux {

inline constexpr Lane kEveryLane[] = {Lane::kData, Lane::kStderr, Lane::kControl};

struct StreamState final : FairShare {  // of what may be sent
  enum class Phase {
    kAsked,    // we opened it; no answer yet
    kOffered,  // the peer opened it; not answered yet
    kOpen,
  };

  StreamState(StreamId stream, Path& its_path, Phase begin, const Options& options);

  OutLane& outgoing(Lane lane) { return out[static_cast<std::size_t>(lane)]; }
  InLane& incoming(Lane lane) { return in[static_cast<std::size_t>(lane)]; }
  const InLane& incoming(Lane lane) const { return in[static_cast<std::size_t>(lane)]; }
  bool closed_by_peer() const { return incoming(Lane::kControl).ended(); }
  bool close_sent() { return outgoing(Lane::kControl).end_sent(); }
  // The lane's end may go out: that of kControl is the last.
  bool may_end(Lane lane) const;
  bool sendable(Lane lane) const;
  bool sendable() const;

  StreamId id;
  Path& path;
  Phase phase;
  bool closed = false;         // close() was called: the application has let go
  std::uint8_t next_lane = 0;  // whose turn it is
  std::uint8_t credit = 0;     // lanes that have credit to tell, a bit each
  std::array<OutLane, kLanes> out;
  std::array<InLane, kLanes> in;
  Turn credit_turn;  // has credit to send
};

struct Mux::Impl final {
  using Phase = StreamState::Phase;
  template <class Member, Turn Member::* kHook>
  using Turns = boost::intrusive::list<Member, boost::intrusive::member_hook<Member, Turn, kHook>,
                                       boost::intrusive::constant_time_size<false>>;

  explicit Impl(const Options& chosen);
  void begin();

  // nullptr: over, or never was.
  StreamState* find(StreamId id);
  Path* find_path(std::uint32_t consumer);
  StreamState& add(StreamId id, Path& path, Phase phase);
  // One that new streams may hang below.
  bool lives(StreamId id);
  Result<StreamId> next_id(StreamId parent);
  void forget(StreamState& stream);
  // Over: the application hears of it unless it has closed, the peer if it knows the stream.
  void end(StreamState& stream, std::string_view why);
  void fault(StreamState& stream, std::string_view why);
  void send_reset(Path& path, StreamId id, std::string_view why);
  void send_refusal(Path& path, StreamId id, stream::Refusal why, std::string_view reason);
  void detach(std::uint32_t consumer);

  // Puts the stream where it gets its turn, after anything that may have changed that.
  void schedule(StreamState& stream);
  void schedule(Path& path);
  void tell_credit(StreamState& stream, Lane lane);
  void produce_path(std::string& out, Path& path);
  void produce_credit(std::string& out, StreamState& stream);
  void produce_data(std::string& out, StreamState& stream, std::size_t most);

  // Connections go and come.
  void suspend(Path& path);
  ResumePoint point_of(Path& path);
  Result<void> on_resume(std::uint32_t consumer, const wire::Frame& frame);
  Result<void> on_resumed(Path& path, const wire::Frame& frame);
  Result<void> go_on(Path& path, const ResumePoint& peer);
  void go_on(StreamState& stream, const StreamPoint& peer);

  // Frames in.
  Result<void> receive(const wire::Frame& frame);
  Result<void> receive(Path& path, const wire::Frame& frame);
  Result<Path*> path_of(const wire::Frame& frame);
  void on_open(Path& path, const wire::Frame& frame);
  void on_whole_open(Path& path, StreamId id, std::string_view payload);
  void on_accept(StreamState& stream, std::string_view payload);
  void on_refuse(StreamState& stream, std::string_view payload);
  void on_data(StreamState& stream, const wire::Frame& frame);
  void on_credit(StreamState& stream, const wire::Frame& frame);
  void on_close(StreamState& stream);
  void event(const StreamState& stream, Event event);

  Options options;
  std::uint32_t next = 0;
  std::uint32_t attempts = 0;                     // resume()
  std::unordered_map<std::uint32_t, Path> paths;  // by consumer
  std::unordered_map<StreamId, StreamState> streams;
  // Payloads of OPENs of which more is to come.
  std::unordered_map<StreamId, std::string> unfinished;
  Turns<Path, &Path::turn> talking;
  Turns<StreamState, &StreamState::credit_turn> crediting;
  FairTurns<StreamState> data;
  std::deque<Event> events;
};

}  // namespace rdev::mux
