#include "client/terminal/relay.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "client/terminal/exit_code.h"
#include "protocol/base/relay.h"

namespace rdev::terminal {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

constexpr std::string_view kHelp =
    "~?\r\n"
    "Escapes, at the start of a line:\r\n"
    "  ~.  end this session\r\n"
    "  ~?  this help\r\n"
    "  ~~  a single ~\r\n";

SessionEnd end_by(int signal) { return {.code = 128 + signal, .remark = {}}; }

// What a shell would say of its own command: nothing of the signals that users mean.
SessionEnd killed(const stream::ExitSignal& event, int err) {
  const int code = exit_code(event);
  const bool said = ::isatty(err) == 1 && code != 128 + SIGINT && code != 128 + SIGPIPE;
  return {.code = code, .remark = said ? killed_sentence(event) : std::string()};
}

bool same(const stream::WindowChange& a, const stream::WindowChange& b) {
  return a.columns == b.columns && a.rows == b.rows && a.width_px == b.width_px &&
         a.height_px == b.height_px;
}

}  // namespace

void add_relayed_signals(asio::signal_set& signals) {
  for (const int signal : kSignals) {
    signals.add(signal);
  }
}

Relay::Relay(const asio::any_io_executor& executor, std::unique_ptr<stream::Stream> stream,
             asio::signal_set& signals, const RelayOptions& options)
    : options_(options),
      stream_(std::move(stream)),
      signals_(signals),
      in_(executor, options.in),
      out_(executor, options.out),
      err_(executor, options.err),
      tasks_(executor),
      changed_(executor) {}

awaitable<Result<SessionEnd>> Relay::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (options_.raw) {
    if (auto raw = RawMode::enter(options_.in)) {
      raw_.emplace(*std::move(raw));
    }
  }
  size_ = size_of_terminal({options_.in, options_.out, options_.err});
  tasks_.spawn("session input", feed_input());
  tasks_.spawn("session output", copy_lane(stream::Lane::kData, out_, out_done_));
  tasks_.spawn("session errors", copy_lane(stream::Lane::kStderr, err_, err_done_));
  tasks_.spawn("session output's reader", watch(out_));
  tasks_.spawn("session errors' reader", watch(err_));
  tasks_.spawn("session events", follow_events());
  tasks_.spawn("session signals", follow_signals());
  bool cancelled = false;
  while (!cancelled && !finished()) {
    co_await changed_.wait();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    cancelled = cancellation.cancelled() != asio::cancellation_type::none;
  }
  tasks_.cancel();
  co_await tasks_.wait();
  stream_->close();
  leave_raw();
  if (early_end_) {
    co_return *early_end_;
  }
  if (lost_ || !command_end_) {
    co_return tl::make_unexpected(
        lost_.value_or(Error{Code::kCancelled, "the session was cancelled"}));
  }
  co_return *command_end_;
}

// What is said next begins a line, wherever the session has left the cursor.
void Relay::leave_raw() {
  if (raw_ && (early_end_ || lost_)) {
    show("\r\n");
  }
  raw_.reset();
}

bool Relay::finished() const { return early_end_ || (out_done_ && err_done_ && events_done_); }

void Relay::end(SessionEnd end) {
  if (!early_end_) {
    early_end_ = std::move(end);
  }
  changed_.notify();
}

awaitable<void> Relay::feed_input() {
  for (;;) {
    const auto piece = co_await in_.next();
    if (!piece) {
      // What is missing must not pass for the end of the input.
      end({.code = 1, .remark = piece.error().message});
      co_return;
    }
    if (piece->empty()) {
      co_await input_ended();
      co_return;
    }
    bool sent = false;
    if (raw_) {
      sent = co_await send_typed(*piece);
    } else {
      sent = (co_await stream_->write(asio::buffer(*piece))).has_value();
    }
    if (!sent) {
      co_return;  // the command no longer reads, or the other tasks hear why
    }
  }
}

// False when the session ends or takes no more.
awaitable<bool> Relay::send_typed(std::string_view typed) {
  std::string out;
  auto action = Escapes::Action::kHelp;
  while (action == Escapes::Action::kHelp) {
    action = escapes_.feed(typed, out);
    if (action == Escapes::Action::kHelp) {
      show(kHelp);
    }
  }
  const asio::const_buffer bytes = asio::buffer(out);
  const bool sent = out.empty() || (co_await stream_->write(bytes)).has_value();
  if (action == Escapes::Action::kEnd) {
    show("~.");
    end({.code = kLinkFailed, .remark = "ended by ~."});
  }
  co_return sent&& action == Escapes::Action::kNone;
}

awaitable<void> Relay::input_ended() {
  if (raw_) {
    end(end_by(SIGHUP));  // the terminal is gone
    co_return;
  }
  stream_->write_eof();
}

// Straight to the terminal: it is what the user has just asked for, and short.
void Relay::show(std::string_view text) const {
  if (::isatty(options_.err) == 1) {
    (void)base::write_all(options_.err, text.data(), text.size());
  }
}

// Nothing is left to write when this returns, also when the stream was lost.
awaitable<Result<void>> Relay::copy(stream::Lane lane, Output& output) {
  for (;;) {
    const auto room = co_await output.room();
    if (!room) {
      co_return tl::make_unexpected(room.error());
    }
    const auto n = co_await stream_->read(*room, lane);
    if (!n) {
      lost_ = n.error();
    }
    if (!n || *n == 0) {
      co_return co_await output.flush();
    }
    if (auto committed = output.commit(*n); !committed) {
      co_return committed;
    }
  }
}

awaitable<void> Relay::copy_lane(stream::Lane lane, Output& output, bool& done) {
  const auto copied = co_await copy(lane, output);
  if (!copied) {
    output_failed(copied.error());
  } else if (lane == stream::Lane::kData && !lost_ && !options_.terminal) {
    // Stderr is left open for what we may have to say. If this fails, the reader of stdout learns
    // of its end when we exit.
    (void)output.finish();
  }
  done = true;
  changed_.notify();
}

awaitable<void> Relay::watch(Output& output) { output_failed(co_await output.failure()); }

void Relay::output_failed(const Error& error) {
  end(error.code == Code::kClosed ? end_by(SIGPIPE)
                                  : SessionEnd{.code = 1, .remark = error.message});
}

awaitable<void> Relay::follow_events() {
  for (;;) {
    const auto event = co_await stream_->read_event();
    if (!event) {
      if (!command_end_ && !lost_) {
        lost_ = Error{event.error().code,
                      "the session ended without an exit code: " + event.error().message};
      }
      break;
    }
    if (const auto* status = std::get_if<stream::ExitStatus>(&*event)) {
      command_end_ = SessionEnd{.code = exit_code(*status), .remark = {}};
    } else if (const auto* signal = std::get_if<stream::ExitSignal>(&*event)) {
      command_end_ = killed(*signal, options_.err);
    }
  }
  events_done_ = true;
  changed_.notify();
}

awaitable<void> Relay::follow_signals() {
  for (;;) {
    const auto [error, signal] = co_await signals_.async_wait(use_tuple);
    if (error) {
      co_return;
    }
    obey(signal);
  }
}

void Relay::obey(int signal) {
  if (signal == SIGWINCH || signal == SIGCONT) {
    if (raw_ && signal == SIGCONT) {
      raw_->again();
    }
    const auto size = size_of_terminal({options_.in, options_.out, options_.err});
    if (options_.terminal && size && !(size_ && same(*size, *size_))) {
      size_ = size;
      stream_->send_event(*size);
    }
  } else if (raw_ && (signal == SIGTERM || signal == SIGHUP)) {
    end(end_by(signal));
  } else {
    stream_->send_event(stream::Signal{.name = signal_name(signal)});
  }
}

}  // namespace rdev::terminal
