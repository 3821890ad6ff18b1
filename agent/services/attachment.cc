#include "agent/services/attachment.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "agent/process/signals.h"
#include "agent/process/terminal.h"
#include "agent/services/pump.h"

namespace rdev::services {
namespace {

stream::Event end_event(const process::Ended& ended) {
  if (ended.signal == 0) {
    return stream::ExitStatus{.code = static_cast<std::uint32_t>(ended.code)};
  }
  return stream::ExitSignal{.name = process::signal_name(ended.signal),
                            .core_dumped = ended.core_dumped};
}

}  // namespace

Attachment::Attachment(const asio::any_io_executor& executor,
                       std::unique_ptr<stream::Stream> stream, process::Child child, ChildEnds ends)
    : stream_(std::move(stream)),
      child_(std::move(child)),
      terminal_(ends.terminal),
      output_(executor, ends.output.release()),
      tasks_(executor),
      changed_(executor),
      turn_(executor) {
  if (ends.input) {
    input_.emplace(executor, ends.input.release());
  }
  if (ends.error) {
    error_.emplace(executor, ends.error.release());
  }
  error_done_ = !error_;
}

awaitable<void> Attachment::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  tasks_.spawn("session input", feed_input());
  tasks_.spawn("session events", follow_events());
  tasks_.spawn("session output", terminal_ ? drain_terminal()
                                           : send_lane(output_, stream::Lane::kData, output_done_));
  if (error_) {
    tasks_.spawn("session errors", send_lane(*error_, stream::Lane::kStderr, error_done_));
  }
  tasks_.spawn("session end", report_end());
  bool cancelled = false;
  while (!cancelled && !finished()) {
    co_await changed_.wait();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    cancelled = cancellation.cancelled() != asio::cancellation_type::none;
  }
  stream_->close();
  tasks_.cancel();
  co_await tasks_.wait();
}

bool Attachment::finished() const { return exited_ && output_done_ && error_done_; }

awaitable<void> Attachment::feed_input() {
  (void)co_await pump_from_stream(*stream_, input_ ? *input_ : output_);
  // At the peer's end, or when the child no longer reads. A terminal has no half-close.
  close_input();
}

awaitable<void> Attachment::follow_events() {
  for (;;) {
    const auto event = co_await stream_->read_event();
    if (!event) {
      peer_gone();
      co_return;
    }
    obey(*event);
  }
}

void Attachment::obey(const stream::Event& event) {
  if (const auto* signal = std::get_if<stream::Signal>(&event)) {
    if (const auto number = process::signal_number(signal->name)) {
      child_.signal_group(*number);
    }
    return;
  }
  if (!terminal_) {
    return;
  }
  if (const auto* size = std::get_if<stream::WindowChange>(&event)) {
    process::set_size(output_.native_handle(), {.columns = size->columns,
                                                .rows = size->rows,
                                                .width_px = size->width_px,
                                                .height_px = size->height_px});
  } else if (std::holds_alternative<stream::Break>(event)) {
    ::tcsendbreak(output_.native_handle(), 0);
  }
}

awaitable<void> Attachment::send_lane(Descriptor& from, stream::Lane lane, bool& done) {
  if (co_await pump_to_stream(from, *stream_, lane) == Pumped::kSinkLost) {
    peer_gone();
  }
  output_ended(done);
}

// Reads until nothing is left and nothing will come: the child has ended (then what others still
// hold of the terminal does not count), or every slave is closed (EIO).
awaitable<void> Attachment::drain_terminal() {
  if (!greeting_.empty()) {
    // A peer that is gone is noticed by the output.
    (void)co_await write_in_turn(asio::buffer(greeting_));
  }
  PumpBuffer buffer(PumpBuffer::kForReads);
  for (;;) {
    const bool last = exited_;
    const asio::mutable_buffer space = buffer.space();
    const ssize_t n = ::read(output_.native_handle(), space.data(), space.size());
    if (n > 0) {
      if (!co_await write_in_turn(buffer.filled(static_cast<std::size_t>(n)))) {
        peer_gone();
        break;
      }
    } else if (n < 0 && errno == EAGAIN && !last) {
      buffer.rest();
      // report_end() cancels the wait.
      co_await output_.async_wait(Descriptor::wait_read, use_tuple);
    } else if (n == 0 || errno != EINTR) {
      break;
    }
  }
  while (writing_) {
    co_await turn_.wait();
  }
  output_ended(output_done_);
}

awaitable<Result<void>> Attachment::write_in_turn(asio::const_buffer bytes) {
  while (writing_) {
    co_await turn_.wait();
  }
  writing_ = true;
  auto written = co_await stream_->write(bytes);
  writing_ = false;
  turn_.notify();
  co_return written;
}

void Attachment::hang_up() {
  if (terminal_) {
    child_.signal_group(SIGHUP);
    child_.signal_group(SIGCONT);
  }
}

void Attachment::announce(std::string text) {
  if (terminal_ && !announcing_ && !output_done_) {
    announcing_ = true;
    tasks_.spawn("announcement", send_announcement(std::move(text)));
  }
}

awaitable<void> Attachment::send_announcement(std::string text) {
  // A peer that is gone is noticed by the output.
  (void)co_await write_in_turn(asio::buffer(text));
  announcing_ = false;
}

awaitable<void> Attachment::report_end() {
  const process::Ended ended = co_await child_.wait();
  stream_->send_event(end_event(ended));
  exited_ = true;
  close_input();  // a background process gets no more, as with OpenSSH
  if (terminal_) {
    boost::system::error_code ignored;  // closed when the peer went first
    output_.cancel(ignored);
  }
  changed_.notify();
}

void Attachment::close_input() {
  if (input_) {
    boost::system::error_code ignored;
    input_->close(ignored);
  }
}

void Attachment::output_ended(bool& done) {
  done = true;
  if (output_done_ && error_done_) {
    stream_->write_eof();
  }
  changed_.notify();
}

// Its close may follow our EOF and overtake the child's end, whose status it still wants.
void Attachment::peer_gone() {
  boost::system::error_code ignored;
  output_.close(ignored);
  if (error_) {
    error_->close(ignored);
  }
}

}  // namespace rdev::services
