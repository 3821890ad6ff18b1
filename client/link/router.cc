#include "client/link/router.h"

#include <algorithm>
#include <utility>

#include "protocol/mux/mux.h"

namespace rdev::link_process {
namespace {

constexpr std::size_t kLeastBatch = wire::kMaxFrameBytes / 4;
constexpr std::size_t kMostBatch = 4 * wire::kMaxFrameBytes;
constexpr std::size_t kMostCounted = 65536;

// Whoever is the first to end it.
bool ends_stream(const wire::Header& header) {
  const bool closes = header.type == wire::Type::kData && (header.flags & wire::kFin) != 0 &&
                      header.lane == static_cast<std::uint8_t>(mux::Lane::kControl);
  return closes || header.type == wire::Type::kRefuse || header.type == wire::Type::kReset;
}

}  // namespace

Router::Router(const asio::any_io_executor& executor)
    : more_(executor), went_idle_(executor), portion_(kLeastBatch, kMostBatch) {}

bool Router::add(const std::shared_ptr<Consumer>& consumer) {
  return consumer->number != 0 && consumers_.emplace(consumer->number, consumer).second;
}

void Router::remove(const Consumer& consumer) {
  const auto found = consumers_.find(consumer.number);
  if (found == consumers_.end() || found->second.get() != &consumer) {
    return;
  }
  turns_.set(*found->second, false);
  consumers_.erase(found);
  std::erase_if(streams_, [&consumer](std::uint64_t stream) {
    return mux::consumer_of(stream) == consumer.number;
  });
  if (consumer.state == Consumer::State::kAttached ||
      consumer.state == Consumer::State::kResuming) {
    detach(consumer.number);
  }
}

void Router::detach(std::uint32_t number) {
  send({.type = wire::Type::kDetach, .stream = mux::prefix_of(number)}, {});
}

void Router::detach_gone(const std::vector<std::uint32_t>& held) {
  for (const std::uint32_t number : held) {
    if (consumers_.contains(number)) {
      continue;
    }
    if (!began_) {
      strangers_.insert(number);
    } else if (!strangers_.contains(number)) {
      detach(number);
    }
  }
  began_ = true;
}

void Router::detach_strangers() {
  for (const std::uint32_t number : std::exchange(strangers_, {})) {
    if (!consumers_.contains(number)) {
      detach(number);
    }
  }
}

void Router::send(wire::Header header, std::string_view payload) {
  wire::append_frame(control_, header, payload);
  more_.notify();
}

void Router::ready(Consumer& consumer) {
  turns_.set(consumer, true);
  more_.notify();
}

std::string_view Router::next() {
  idle_ = false;
  batch_.assign(control_);  // a swap would give its memory away
  control_.clear();
  if (batch_.empty() && turns_.only_one() && !turns_.next().front().empty()) {
    return lend(turns_.next());
  }
  while (batch_.size() < portion_.size() && !turns_.empty()) {
    Consumer& consumer = turns_.next();
    const std::string_view frame = take(consumer, 0);
    batch_.append(frame);
    consumer.pop(frame.size());
    turns_.set(consumer, !consumer.front().empty());
  }
  if (batch_.empty()) {
    idle_ = true;
    went_idle_.notify();
  }
  given_ = batch_.size();
  return batch_;
}

// From where they lie.
std::string_view Router::lend(Consumer& consumer) {
  const std::string_view frames = take(consumer, portion_.size());
  lender_ = consumer.shared_from_this();
  turns_.set(consumer, false);
  given_ = frames.size();
  return frames;
}

std::string_view Router::take(Consumer& consumer, std::size_t most) {
  const std::string_view frames = frames_within(consumer.front(), most);
  bytes_out_ += frames.size();
  count(frames);
  turns_.took(consumer, frames.size());
  return frames;
}

void Router::done(stream::Portion::Duration took) {
  portion_.took(given_, took);
  if (const auto consumer = std::exchange(lender_, nullptr)) {
    // Less is left when the consumer was lost meanwhile.
    consumer->pop(std::min(given_, consumer->front().size()));
    turns_.set(*consumer, consumers_.contains(consumer->number) && !consumer->front().empty());
  }
}

Result<std::size_t> Router::deliver(std::string_view bytes) {
  std::size_t passed = 0;  // and delivered
  std::size_t end = 0;
  std::uint32_t number = 0;
  for (;;) {
    const auto frame = first_frame(bytes.substr(end));
    if (!frame) {
      return tl::make_unexpected(frame.error());
    }
    const bool more = *frame && wire::is_stream_frame((*frame)->header.type);
    const std::uint32_t next = more ? mux::consumer_of((*frame)->header.stream) : 0;
    if (end > passed && (!more || next != number)) {
      pass(number, bytes.substr(passed, end - passed));
      passed = end;
    }
    if (!more) {
      bytes_in_ += passed;
      return passed;
    }
    number = next;
    end += (*frame)->bytes.size();
  }
}

void Router::pass(std::uint32_t number, std::string_view frames) {
  const auto found = consumers_.find(number);
  if (found == consumers_.end() || found->second->state != Consumer::State::kAttached) {
    return;  // it is gone, which the agent soon hears; or they come again when it has resumed
  }
  const auto consumer = found->second;  // send() may remove it
  count(frames);
  consumer->send(frames);
}

void Router::count(std::string_view frames) {
  while (!frames.empty()) {
    const auto frame = first_frame(frames);
    const wire::Header& header = (*frame)->header;
    if (ends_stream(header)) {
      streams_.erase(header.stream);
    } else if (header.type == wire::Type::kOpen && streams_.size() < kMostCounted) {
      streams_.insert(header.stream);
    }
    frames.remove_prefix((*frame)->bytes.size());
  }
}

void Router::reset() {
  control_.clear();
  for (const auto& [number, consumer] : consumers_) {
    turns_.set(*consumer, false);
  }
  lender_ = nullptr;
}

}  // namespace rdev::link_process
