#include <algorithm>
#include <limits>

#include "protocol/ssh/channel.h"
#include "protocol/ssh/connection.h"
#include "protocol/ssh/events.h"

// What comes from the peer.
namespace rdev::ssh {
namespace {

// A peer that asks for more without an answer, or sends more events than the service reads, errs.
constexpr std::size_t kMostUnanswered = 256;
constexpr std::size_t kMostEvents = 64;

std::size_t index(stream::Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

void Reply::answer(bool success) {
  if (const auto channel = std::exchange(channel_, {}).lock()) {
    channel->answer(number_, success);
  }
}

void Channel::answer(std::uint64_t number, bool success) {
  answers_[number - answers_base_] = success;
  while (!answers_.empty() && answers_.front().has_value()) {
    const bool good = *answers_.front();
    answers_.pop_front();
    ++answers_base_;
    if (state_ == State::kOpen && !sent_close_) {
      send_simple(good ? Message::kChannelSuccess : Message::kChannelFailure);
    }
  }
}

void Channel::on_open(const Remote& remote) {
  remote_ = remote;
  remote_.max_packet = std::min(remote_.max_packet, kMaxPacket);
  state_ = State::kOpen;
  settle();
  wake();
}

void Channel::on_refused(std::string why) { on_dead({Code::kUnavailable, std::move(why)}); }

Channel::Fault Channel::on_data(stream::Lane lane, std::string_view bytes) {
  if (got_eof_ || got_close_) {
    return "data after its end";
  }
  if (!inbox_.put(lane, bytes)) {
    return "more data than the window allows";
  }
  readable_[index(lane)].notify();
  return {};
}

Channel::Fault Channel::on_unknown_data(std::size_t size) {
  if (!inbox_.skip(size)) {
    return "more data than the window allows";
  }
  give_credit();
  return {};
}

Channel::Fault Channel::on_adjust(std::uint32_t increment) {
  if (increment > std::numeric_limits<std::uint32_t>::max() - remote_.window) {
    return "a window beyond 2^32-1";
  }
  remote_.window += increment;
  for (auto& lane : writable_) {
    lane.notify();
  }
  return {};
}

Channel::Fault Channel::on_eof() {
  if (got_eof_) {
    return "a second end of data";
  }
  got_eof_ = true;
  wake();
  return {};
}

void Channel::on_close() {
  const auto keep = shared_from_this();
  got_close_ = true;
  got_eof_ = true;
  // A consumer may still have an exit status to send: OpenSSH's client closes as soon as it has had
  // our EOF, and prefers to hear how the command ended.
  if (!has_consumer_ && !sent_close_) {
    sent_close_ = true;
    send_simple(Message::kChannelClose);
  }
  settle();
  wake();
}

Channel::Fault Channel::on_request(std::string_view type, bool want_reply, Reader body) {
  if (want_close_) {
    return {};  // nobody serves it any more, and no answer may follow CLOSE
  }
  if (answers_.size() >= kMostUnanswered) {
    return "too many requests without waiting for an answer";
  }
  std::uint64_t number = 0;
  if (want_reply) {
    number = answers_base_ + answers_.size();
    answers_.emplace_back();
  }
  Reply reply = want_reply ? Reply(weak_from_this(), number) : Reply();
  if (requests_) {
    return requests_->on_request(*this, type, body, std::move(reply))
               ? Fault()
               : "a malformed request: " + std::string(type);
  }
  if (is_event(type)) {
    auto event = decode_event(type, body);
    if (!event) {
      return "a malformed request: " + std::string(type);
    }
    push_event(std::move(*event), std::move(reply));
  }
  return {};
}

void Channel::push_event(stream::Event event, Reply reply) {
  const bool size = std::holds_alternative<stream::WindowChange>(event);
  if (size && !events_.empty() && std::holds_alternative<stream::WindowChange>(events_.back())) {
    events_.back() = std::move(event);  // only the last size matters
  } else if (events_.size() < kMostEvents) {
    events_.push_back(std::move(event));
  } else {
    return;  // nobody reads them: `reply` is a failure
  }
  event_.notify();
  reply.succeed();
}

Channel::Fault Channel::on_answer(bool success) {
  if (asked_.empty()) {
    return "an answer to no request";
  }
  *asked_.front() = success;
  asked_.pop_front();
  answered_.notify();
  return {};
}

void Channel::on_dead(const Error& why) {
  if (state_ != State::kOver) {
    state_ = State::kOver;
    over_ = why;
    connection_ = nullptr;
    wake();
  }
}

}  // namespace rdev::ssh
