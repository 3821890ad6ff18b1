#include "client/link/consumer.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/write.hpp>
#include <cstring>

#include "protocol/base/log.h"
#include "protocol/laptop.pb.h"
#include "protocol/mux/mux.h"

namespace rdev::link_process {
namespace {

constexpr std::size_t kInBytes = std::size_t{4} * wire::kMaxFrameBytes;
constexpr std::size_t kLeastIn = wire::kMaxFrameBytes;
// Memory that stays for the next time.
constexpr std::size_t kMostKept = std::size_t{1} << 20U;
constexpr std::size_t kBehind = std::size_t{1} << 20U;
constexpr std::size_t kMostUnread = std::size_t{64} << 20U;

}  // namespace

Consumer::Consumer(const asio::any_io_executor& executor, base::Fd socket, Owner& owner)
    : socket_(executor, socket.release()),
      owner_(owner),
      in_(std::make_unique_for_overwrite<char[]>(kInBytes)),
      taken_(executor),
      queued_(executor) {
  socket_.native_non_blocking(true);
}

awaitable<void> Consumer::read(std::shared_ptr<Consumer> self) {
  while (!self->gone_) {
    if (const auto scanned = self->scan(); !scanned) {
      self->cut_off(scanned.error().message);
      break;
    }
    if (!self->front().empty()) {
      self->owner_.on_frames(*self);
      while (!self->front().empty() && !self->gone_) {
        co_await self->taken_.wait();
      }
    } else if (!co_await self->fill()) {
      break;
    }
  }
  self->close();
}

awaitable<bool> Consumer::fill() {
  end_ -= begin_;
  std::memmove(in_.get(), in_.get() + begin_, end_);
  begin_ = ready_ = 0;
  // What waits here waits in front of the next keystroke of the same process. A frame has to fit.
  const std::size_t most = std::clamp(owner_.most_waiting(), kLeastIn, kInBytes);
  const auto [error, n] =
      co_await socket_.async_read_some(asio::buffer(in_.get() + end_, most - end_), use_tuple);
  end_ += n;
  co_return !error;
}

bool Consumer::takes_stream(const wire::Header& header) {
  if (state == State::kResuming && header.type == wire::Type::kResume) {
    state = State::kAttached;
  }
  return state == State::kAttached && mux::consumer_of(header.stream) == number;
}

Result<void> Consumer::scan() {
  while (!gone_) {
    const auto frame = first_frame({in_.get() + ready_, end_ - ready_});
    if (!frame) {
      return tl::make_unexpected(frame.error());
    }
    if (!*frame) {
      return {};
    }
    const Piece piece = **frame;
    if (!wire::is_stream_frame(piece.header.type)) {
      if (ready_ > begin_) {
        return {};  // in its turn
      }
      begin_ = ready_ += piece.bytes.size();
      owner_.on_control(*this, piece);
    } else if (takes_stream(piece.header)) {
      ready_ += piece.bytes.size();
    } else if (state == State::kPaused || state == State::kResuming || state == State::kLost) {
      begin_ = ready_ += piece.bytes.size();
    } else {
      return fail(Code::kProtocol, state == State::kAttached
                                       ? "a frame of another process's stream"
                                       : "a frame of a stream before the link was up");
    }
  }
  return {};
}

void Consumer::pop(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ == ready_) {
    taken_.notify();
  }
}

void Consumer::send(std::string_view frames) {
  if (gone_ || no_more_) {
    return;
  }
  if (out_.empty() && sending_.empty()) {
    const ssize_t n =
        ::send(socket_.native_handle(), frames.data(), frames.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      frames.remove_prefix(static_cast<std::size_t>(n));
    }
    // An error shows in the other coroutines, too.
  }
  if (frames.empty()) {
    return;
  }
  const std::size_t before = out_.size();
  const std::size_t waiting = before + sending_.size();
  if (waiting + frames.size() > kMostUnread) {
    base::log_warning("a process does not read its streams", {{"what", what}});
    close();
    return;
  }
  out_.append(frames);
  if (waiting > kBehind) {
    mark_data(out_, before, wire::kBehind);  // so that its windows do not become larger
  }
  queued_.notify();
}

void Consumer::send(wire::Type type, std::string_view payload) {
  std::string frame;
  wire::append_frame(frame, {.type = type}, payload);
  send(frame);
}

awaitable<void> Consumer::write(std::shared_ptr<Consumer> self) {
  while (!self->gone_) {
    if (self->out_.empty()) {
      if (self->no_more_) {
        // Half a close: with all of one its own writes might fail before it has read why.
        ::shutdown(self->socket_.native_handle(), SHUT_WR);
        co_return;
      }
      co_await self->queued_.wait();
      continue;
    }
    self->sending_.swap(self->out_);
    const auto [error, n] =
        co_await asio::async_write(self->socket_, asio::buffer(self->sending_), use_tuple);
    self->sending_.clear();
    if (self->out_.empty() && self->sending_.capacity() > kMostKept) {
      self->sending_.shrink_to_fit();
      self->out_.shrink_to_fit();
    }
    if (error) {
      break;
    }
  }
  self->close();
}

void Consumer::attach(const std::string& attached) {
  state = state == State::kPaused || resuming ? State::kResuming : State::kAttached;
  send(wire::Type::kAttached, attached);
}

void Consumer::pause(std::string_view reason) {
  state = State::kPaused;
  drop_front();
  Paused paused;
  paused.set_reason(std::string(reason));
  send(wire::Type::kPaused, paused.SerializeAsString());
}

void Consumer::lose(std::string_view reason, bool final) {
  Lost lost;
  lost.set_reason(std::string(reason));
  lost.set_final(final);
  send(wire::Type::kLost, lost.SerializeAsString());
  state = State::kLost;
  no_more_ = true;
  queued_.notify();
  drop_front();
}

void Consumer::cut_off(std::string_view reason) {
  base::log_warning("cut a process off", {{"what", what}, {"why", reason}});
  lose("this process was cut off from its link: it sent " + std::string(reason), false);
  close();
}

void Consumer::close() {
  if (gone_) {
    return;
  }
  gone_ = true;
  const auto keep = shared_from_this();
  boost::system::error_code ignored;
  socket_.close(ignored);
  drop_front();
  taken_.notify();
  queued_.notify();
  owner_.on_gone(*this);
}

}  // namespace rdev::link_process
