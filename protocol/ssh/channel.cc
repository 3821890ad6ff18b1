#include "protocol/ssh/channel.h"

#include <algorithm>

#include "protocol/ssh/connection.h"
#include "protocol/ssh/events.h"

namespace rdev::ssh {
namespace {

constexpr int kPacketsPerTurn = 8;
constexpr std::uint32_t kStderrType = 1;  // SSH_EXTENDED_DATA_STDERR

std::size_t index(stream::Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

// Counts a write, also one whose coroutine is destroyed: EOF and CLOSE wait for it.
class Writing final {
 public:
  explicit Writing(Channel& channel) : channel_(channel) { ++channel_.writing_; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    --channel_.writing_;
    channel_.settle();
  }

 private:
  Channel& channel_;
};

Channel::Channel(Connection& connection, std::uint32_t id, std::uint32_t window)
    : connection_(&connection),
      turns_(connection.turns_),
      id_(id),
      inbox_(window),
      readable_{base::Notify(connection.executor_), base::Notify(connection.executor_)},
      writable_{base::Notify(connection.executor_), base::Notify(connection.executor_)},
      event_(connection.executor_),
      answered_(connection.executor_) {}

Error Channel::why_not() const {
  if (over_) {
    return *over_;
  }
  return {Code::kClosed, got_close_ ? "the peer closed the channel" : "the channel was closed"};
}

awaitable<Result<std::size_t>> Channel::read(std::shared_ptr<Channel> self,
                                             asio::mutable_buffer buffer, stream::Lane lane) {
  for (;;) {
    if (self->abandoned_ || self->want_close_) {
      co_return tl::make_unexpected(self->why_not());
    }
    if (!self->inbox_.empty(lane) || buffer.size() == 0) {
      const std::size_t n =
          self->inbox_.take(lane, static_cast<char*>(buffer.data()), buffer.size());
      self->give_credit();
      co_return n;
    }
    if (self->got_eof_ || self->got_close_) {
      co_return 0;
    }
    if (self->state_ == State::kOver) {
      co_return tl::make_unexpected(self->why_not());
    }
    co_await self->readable_[index(lane)].wait();
  }
}

awaitable<Result<void>> Channel::write(std::shared_ptr<Channel> self, asio::const_buffer bytes,
                                       stream::Lane lane) {
  if (self->want_eof_ || self->want_close_) {
    co_return fail(Code::kClosed, "write after the channel's end");
  }
  const Writing writing(*self);
  base::Notify& wake = self->writable_[index(lane)];
  std::string_view rest(static_cast<const char*>(bytes.data()), bytes.size());
  while (!rest.empty()) {
    if (!self->may_write()) {
      co_return tl::make_unexpected(self->why_not());
    }
    if (self->state_ == State::kOpening || self->remote_.window == 0) {
      co_await wake.wait();
      continue;
    }
    const Turns::Ticket ticket(*self->turns_, wake);
    while (!ticket.mine()) {
      co_await wake.wait();
    }
    if (self->may_write()) {
      rest = self->send_turn(lane, rest);
    }
  }
  co_return Result<void>{};
}

std::string_view Channel::send_turn(stream::Lane lane, std::string_view bytes) {
  for (int i = 0; i < kPacketsPerTurn && !bytes.empty() && remote_.window > 0; ++i) {
    const std::size_t n = std::min<std::size_t>({bytes.size(), remote_.window, remote_.max_packet});
    const bool data = lane == stream::Lane::kData;
    Writer head = begin(data ? Message::kChannelData : Message::kChannelExtendedData, remote_.id);
    if (!data) {
      head.u32(kStderrType);
    }
    head.u32(static_cast<std::uint32_t>(n));
    connection_->send(head.bytes(), bytes.substr(0, n));
    remote_.window -= static_cast<std::uint32_t>(n);
    bytes.remove_prefix(n);
    if (connection_ == nullptr || connection_->sink_->congested()) {
      break;
    }
  }
  return bytes;
}

void Channel::widen(std::uint32_t window) {
  inbox_.widen(window);
  give_credit();
}

void Channel::give_credit() {
  if (state_ != State::kOpen || got_eof_ || got_close_ || sent_close_) {
    return;
  }
  if (const std::uint32_t credit = inbox_.take_credit(); credit > 0) {
    connection_->send(begin(Message::kChannelWindowAdjust, remote_.id).u32(credit).bytes());
  }
}

awaitable<Result<stream::Event>> Channel::read_event(std::shared_ptr<Channel> self) {
  while (self->events_.empty()) {
    if (self->state_ == State::kOver || self->got_close_ || self->want_close_) {
      co_return tl::make_unexpected(self->why_not());
    }
    co_await self->event_.wait();
  }
  stream::Event event = std::move(self->events_.front());
  self->events_.pop_front();
  co_return event;
}

void Channel::send_event(const stream::Event& event) {
  if (state_ == State::kOpen && !sent_close_) {
    const EncodedEvent encoded = encode(event);
    connection_->send(begin(Message::kChannelRequest, remote_.id)
                          .string(encoded.type)
                          .boolean(false)
                          .raw(encoded.body)
                          .bytes());
  }
}

awaitable<Result<bool>> Channel::request(std::shared_ptr<Channel> self, std::string type,
                                         std::string body) {
  if (self->state_ != State::kOpen || self->sent_close_) {
    co_return tl::make_unexpected(self->why_not());
  }
  const auto answer = std::make_shared<std::optional<bool>>();
  self->asked_.push_back(answer);
  self->connection_->send(
      begin(Message::kChannelRequest, self->remote_.id).string(type).boolean(true).bytes(), body);
  while (!answer->has_value()) {
    if (self->state_ == State::kOver || self->got_close_) {
      co_return tl::make_unexpected(self->why_not());
    }
    co_await self->answered_.wait();
  }
  co_return answer->value();
}

std::string Channel::take_complaint() {
  char text[500];
  return printable({text, inbox_.take(stream::Lane::kStderr, text, sizeof text)});
}

awaitable<Result<void>> Channel::opened(std::shared_ptr<Channel> self) {
  while (self->state_ == State::kOpening) {
    co_await self->answered_.wait();
  }
  if (self->state_ == State::kOver) {
    co_return tl::make_unexpected(self->why_not());
  }
  co_return Result<void>{};
}

void Channel::write_eof() {
  want_eof_ = true;
  settle();
}

void Channel::close() {
  want_close_ = true;
  inbox_.drop();
  settle();
  wake();
}

void Channel::abandon() {
  abandoned_ = true;
  close();
}

void Channel::say(std::string_view text) {
  const std::size_t n = std::min<std::size_t>({text.size(), remote_.window, remote_.max_packet});
  if (state_ != State::kOpen || sent_eof_ || sent_close_ || n == 0) {
    return;
  }
  remote_.window -= static_cast<std::uint32_t>(n);
  connection_->send(begin(Message::kChannelExtendedData, remote_.id)
                        .u32(kStderrType)
                        .string(text.substr(0, n))
                        .bytes());
}

void Channel::settle() {
  if (state_ != State::kOpen) {
    return;
  }
  const bool written = writing_ == 0 || abandoned_;
  if (written && (want_eof_ || want_close_) && !sent_eof_ && !sent_close_) {
    sent_eof_ = true;
    send_simple(Message::kChannelEof);
  }
  if (written && want_close_ && !sent_close_) {
    sent_close_ = true;
    send_simple(Message::kChannelClose);
  }
  if (sent_close_ && got_close_) {
    state_ = State::kOver;
    std::exchange(connection_, nullptr)->forget(id_);
  }
}

void Channel::send_simple(Message type) { connection_->send(begin(type, remote_.id).bytes()); }

void Channel::wake() {
  for (std::size_t lane = 0; lane < 2; ++lane) {
    readable_[lane].notify();
    writable_[lane].notify();
  }
  event_.notify();
  answered_.notify();
}

}  // namespace rdev::ssh
