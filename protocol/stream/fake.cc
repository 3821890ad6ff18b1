#include "protocol/stream/fake.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>

#include "protocol/stream/byte_queue.h"

namespace rdev::stream {
namespace {

constexpr std::array kLanes{Lane::kData, Lane::kStderr};

// One direction. `ended`: no byte follows; `dead`: the reader has gone.
struct Half {
  explicit Half(const asio::any_io_executor& executor)
      : readable{base::Notify(executor), base::Notify(executor)},
        writable{base::Notify(executor), base::Notify(executor)},
        event(executor) {}
  void wake() {
    for (const Lane lane : kLanes) {
      readable[index(lane)].notify();
      writable[index(lane)].notify();
    }
    event.notify();
  }
  static std::size_t index(Lane lane) { return static_cast<std::size_t>(lane); }

  std::array<ByteQueue, 2> bytes;
  std::array<base::Notify, 2> readable, writable;
  std::deque<Event> events;
  base::Notify event;
  int writing = 0;          // writes that wait for room
  bool end_wanted = false;  // write_eof() or close(): `ended` once `writing` is 0
  bool closing = false;     // close(): no more events either, once `ended`
  bool ended = false;
  bool dead = false;  // the reader closed: writes fail
  void settle() {
    if (end_wanted && writing == 0) {
      ended = true;
    }
    wake();
  }
};

struct Link {
  Link(const asio::any_io_executor& executor, std::size_t room)
      : half{Half(executor), Half(executor)}, capacity(room) {}
  std::array<Half, 2> half;
  std::size_t capacity;
};

// Counts a write, also one whose coroutine is destroyed while it waits.
class Writing final {
 public:
  explicit Writing(Half& half) : half_(half) { ++half_.writing; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    --half_.writing;
    half_.settle();
  }

 private:
  Half& half_;
};

// The coroutines own the link: an end may be destroyed while one waits.
awaitable<Result<std::size_t>> read_half(std::shared_ptr<Link> link, int direction,
                                         asio::mutable_buffer buffer, Lane lane) {
  Half& half = link->half[direction];
  const std::size_t i = Half::index(lane);
  for (;;) {
    if (half.dead) {
      co_return fail(Code::kClosed, "the stream was closed");
    }
    if (!half.bytes[i].empty()) {
      const std::size_t n = half.bytes[i].take(static_cast<char*>(buffer.data()), buffer.size());
      half.writable[i].notify();
      co_return n;
    }
    if (half.ended || buffer.size() == 0) {
      co_return 0;
    }
    co_await half.readable[i].wait();
  }
}

awaitable<Result<void>> write_half(std::shared_ptr<Link> link, int direction,
                                   asio::const_buffer bytes, Lane lane) {
  Half& half = link->half[direction];
  const std::size_t i = Half::index(lane);
  if (half.end_wanted) {
    co_return fail(Code::kClosed, "write after the end of the stream");
  }
  const Writing writing(half);
  std::string_view rest(static_cast<const char*>(bytes.data()), bytes.size());
  while (!rest.empty()) {
    if (half.dead) {
      co_return fail(Code::kClosed, "the peer closed the stream");
    }
    const std::size_t n = std::min(rest.size(), link->capacity - half.bytes[i].size());
    if (n == 0) {
      co_await half.writable[i].wait();
      continue;
    }
    half.bytes[i].append(rest.substr(0, n));
    rest.remove_prefix(n);
    half.readable[i].notify();
  }
  co_return Result<void>{};
}

awaitable<Result<Event>> next_event(std::shared_ptr<Link> link, int direction) {
  Half& half = link->half[direction];
  while (half.events.empty()) {
    if (half.dead || (half.closing && half.ended)) {
      co_return fail(Code::kClosed, "no event will come: the stream was closed");
    }
    co_await half.event.wait();
  }
  Event event = std::move(half.events.front());
  half.events.pop_front();
  co_return event;
}

class FakeStream final : public Stream {
 public:
  FakeStream(std::shared_ptr<Link> link, int side) : link_(std::move(link)), side_(side) {}
  FakeStream(const FakeStream&) = delete;
  FakeStream& operator=(const FakeStream&) = delete;
  ~FakeStream() override { close(); }

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer, Lane lane) override {
    return read_half(link_, 1 - side_, buffer, lane);
  }
  awaitable<Result<void>> write(asio::const_buffer bytes, Lane lane) override {
    return write_half(link_, side_, bytes, lane);
  }
  void write_eof() override {
    out().end_wanted = true;
    out().settle();
  }
  awaitable<Result<Event>> read_event() override { return next_event(link_, 1 - side_); }
  void send_event(Event event) override {
    if (!out().closing && !out().dead) {
      out().events.push_back(std::move(event));
      out().event.notify();
    }
  }
  void close() override {
    out().closing = true;
    write_eof();
    Half& in = link_->half[1 - side_];
    in.dead = true;
    in.wake();
  }

 private:
  Half& out() { return link_->half[side_]; }

  std::shared_ptr<Link> link_;
  int side_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pair(
    const asio::any_io_executor& executor, std::size_t capacity) {
  const auto link = std::make_shared<Link>(executor, capacity);
  return {std::make_unique<FakeStream>(link, 0), std::make_unique<FakeStream>(link, 1)};
}

awaitable<void> Answer::wait() {
  while (!answered()) {
    co_await changed.wait();
  }
}

FakeOffer::~FakeOffer() {
  if (!answer_->answered()) {
    refuse(Refusal::kProhibited, "the offer was dropped unanswered");
  }
}

std::unique_ptr<Stream> FakeOffer::accept() {
  assert(!answer_->answered());
  auto [ours, theirs] = make_pair(executor_, capacity_);
  answer_->peer = std::move(theirs);
  answer_->changed.notify();
  return std::move(ours);
}

void FakeOffer::refuse(Refusal why, std::string reason) {
  assert(!answer_->answered());
  answer_->refused.emplace(why, std::move(reason));
  answer_->changed.notify();
}

}  // namespace rdev::stream
