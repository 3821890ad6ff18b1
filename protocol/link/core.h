#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "protocol/base/notify.h"
#include "protocol/link/endpoint.h"
#include "protocol/link/events.h"
#include "protocol/link/flow.h"

namespace rdev::link {

// What the coroutines of one stream wait for. Shared by the endpoint's table, the stream and the
// coroutines that wait in it.
struct StreamState {
  explicit StreamState(const asio::any_io_executor& executor)
      : readable{base::Notify(executor), base::Notify(executor)},
        writable(executor),
        event(executor) {}
  void wake();

  // Thousands of streams may be idle: each of these is a timer, 128 bytes.
  std::array<base::Notify, 2> readable;
  base::Notify writable;  // either lane
  base::Notify event;     // our open() is answered; control bytes have come, or none will
  std::optional<std::string> answer;
  std::optional<Error> over;  // reset or refused
  EventDecoder events;        // of what was read from the control lane
  std::string unsent_events;  // encoded; the control lane had no room
  int writing = 0;            // write()s that wait for room: ends come after them
  bool want_eof = false, want_close = false;
  bool broken = false;     // the close is a break_off()
  bool abandoned = false;  // the stream has been destroyed
};

// One run() of an endpoint: what ends with its carrier.
struct Connection {
  Connection(const asio::any_io_executor& executor, std::string first)
      : control(std::move(first)),
        flow(executor),
        output(executor),
        idle(executor),
        ended(executor) {}
  void finish(Error reason);
  // The same, and the peer is told.
  void say_goodbye(const std::string& reason, std::string_view payload);
  // Said only when the peer is at fault.
  void fault(const Error& reason);

  std::string control;  // frames of the connection, to go out first
  Flow flow;
  base::Notify output;
  bool waiting = false;  // for output: what there was is with the carrier
  base::Notify idle;
  base::Notify ended;
  std::optional<Error> why;  // run() is to end
  bool farewell = false;     // after what is in `control`
  bool sent_all = false;     // nothing of it is left, or it cannot be sent
};

// What streams, offers and the loops share of an endpoint.
struct Core final {
  Core(const asio::any_io_executor& made_on, const mux::Options& options, Endpoint::Handler& to)
      : executor(made_on),
        mux(options),
        handler(&to),
        over_network(options.side == mux::Side::kAgent),
        taken(made_on) {}

  StreamState* find(mux::StreamId id);
  std::shared_ptr<StreamState> add(mux::StreamId id);
  // Passes on what receive() or reset_all() has caused.
  static void dispatch(const std::shared_ptr<Core>& self);
  // There may be something to send.
  void kick();
  // The peer may not have heard of all that was taken.
  void owe();
  // Ends that were asked for, as soon as they may be sent.
  void settle(mux::StreamId id, StreamState& state);
  void flush_events(mux::StreamId id, StreamState& state);
  // Makes it the one over which frames go.
  void begin(std::shared_ptr<Connection> next, std::string_view goodbye_to_former);

  asio::any_io_executor executor;
  mux::Mux mux;
  Endpoint::Handler* handler;  // null once the endpoint is gone
  std::unordered_map<mux::StreamId, std::shared_ptr<StreamState>> states;
  std::shared_ptr<Connection> connection;  // null: streams wait for the next one
  // The client's carrier leads to its link process, which keeps the pace of the connection.
  const bool over_network;
  bool over = true;  // there is no connection, and none is waited for
  std::uint64_t bytes_in = 0, bytes_out = 0;
  bool owing = false;
  base::Notify taken;  // owing

 private:
  static void on_event(const std::shared_ptr<Core>& self, mux::Event& event);
};

}  // namespace rdev::link
