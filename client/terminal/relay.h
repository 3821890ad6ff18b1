#pragma once

#include <boost/asio/signal_set.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/terminal/escapes.h"
#include "client/terminal/input.h"
#include "client/terminal/output.h"
#include "client/terminal/raw_mode.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/stream.h"

namespace rdev::terminal {

struct RelayOptions {
  int in = 0, out = 1, err = 2;
  // The session has a terminal: it is told of window changes.
  bool terminal = false;
  // `in` is a terminal, too: keys go through as they are, but for the escapes of ssh.
  bool raw = false;
};

// How a session came to its end.
struct SessionEnd {
  int code = 0;        // what to exit with
  std::string remark;  // for the user, when there is something to say
};

// Joins a session's stream to this process: its input, outputs, signals, window and exit code.
class Relay final {
 public:
  // Those of `relayed_signals` and SIGWINCH, SIGCONT. It must outlive the relay.
  Relay(const asio::any_io_executor& executor, std::unique_ptr<stream::Stream> stream,
        asio::signal_set& signals, const RelayOptions& options);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Once. When this returns, all output that came has been written and the terminal has its modes
  // back. The error: the stream died before the command's end was known.
  //  - A reader of our output that has gone ends the session, with the code of a SIGPIPE.
  //  - Signals are passed on; with raw keys, where ^C is a key, SIGTERM and SIGHUP end the session.
  awaitable<Result<SessionEnd>> run();

 private:
  awaitable<void> feed_input();
  awaitable<void> copy_lane(stream::Lane lane, Output& output, bool& done);
  awaitable<void> watch(Output& output);
  awaitable<void> follow_events();
  awaitable<void> follow_signals();

  awaitable<bool> send_typed(std::string_view typed);
  awaitable<void> input_ended();
  awaitable<Result<void>> copy(stream::Lane lane, Output& output);
  void obey(int signal);
  void output_failed(const Error& error);
  void end(SessionEnd end);
  void show(std::string_view text) const;
  void leave_raw();
  bool finished() const;

  const RelayOptions options_;
  std::unique_ptr<stream::Stream> stream_;
  asio::signal_set& signals_;
  Input in_;
  Output out_, err_;
  std::optional<RawMode> raw_;
  Escapes escapes_;
  std::optional<stream::WindowChange> size_;
  base::TaskGroup tasks_;
  base::Notify changed_;
  bool out_done_ = false, err_done_ = false, events_done_ = false;
  std::optional<SessionEnd> command_end_;  // as the peer said
  std::optional<SessionEnd> early_end_;    // our own: nothing more is waited for
  std::optional<Error> lost_;
};

// The signals that a relay wants to hear of.
void add_relayed_signals(asio::signal_set& signals);

}  // namespace rdev::terminal
