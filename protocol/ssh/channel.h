#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/ssh/inbox.h"
#include "protocol/ssh/turns.h"
#include "protocol/ssh/wire.h"
#include "protocol/stream/stream.h"

namespace rdev::ssh {

class Connection;
class Channel;

// The answer to one channel request, given once, at any time; a dropped one is a failure. Answers
// leave in the order of their requests (RFC 4254 section 5.4), so a late one holds up those after
// it.
class Reply final {
 public:
  Reply() = default;  // nobody wants to know
  Reply(std::weak_ptr<Channel> channel, std::uint64_t number)
      : channel_(std::move(channel)), number_(number) {}
  Reply(Reply&& other) noexcept = default;
  Reply& operator=(Reply&& other) noexcept = delete;
  ~Reply() { answer(false); }

  void succeed() { answer(true); }
  void refuse() { answer(false); }

 private:
  void answer(bool success);
  std::weak_ptr<Channel> channel_;  // empty once answered
  std::uint64_t number_ = 0;
};

// What a channel does with its peer's requests; without one it takes events and refuses the rest.
class ChannelRequests {
 public:
  virtual ~ChannelRequests() = default;
  // False when `body` is malformed, which ends the connection.
  virtual bool on_request(Channel& channel, std::string_view type, Reader body, Reply reply) = 0;
};

// One channel of RFC 4254 section 5. Shared by the connection's table, its stream, and the
// coroutines that wait in it; each of them may go first.
class Channel final : public std::enable_shared_from_this<Channel> {
 public:
  struct Remote {
    std::uint32_t id = 0;
    std::uint32_t window = 0;
    std::uint32_t max_packet = 0;
  };
  static constexpr std::uint32_t kMaxPacket = 32768;

  Channel(Connection& connection, std::uint32_t id, std::uint32_t window);

  // --- The consumer's side, as Stream promises. ---
  // From now on the answer to the peer's close waits for close() or abandon().
  void set_consumer() { has_consumer_ = true; }
  static awaitable<Result<std::size_t>> read(std::shared_ptr<Channel> self,
                                             asio::mutable_buffer buffer, stream::Lane lane);
  static awaitable<Result<void>> write(std::shared_ptr<Channel> self, asio::const_buffer bytes,
                                       stream::Lane lane);
  static awaitable<Result<stream::Event>> read_event(std::shared_ptr<Channel> self);
  // Sends a request and waits for its answer; whether it was a success.
  static awaitable<Result<bool>> request(std::shared_ptr<Channel> self, std::string type,
                                         std::string body);
  // What the peer has said on standard error, for a person; at most 500 bytes.
  std::string take_complaint();
  // Waits until the peer has answered our opening.
  static awaitable<Result<void>> opened(std::shared_ptr<Channel> self);
  void send_event(const stream::Event& event);
  void write_eof();
  // After what is being written.
  void close();
  // At once: the consumer has gone.
  void abandon();

  // --- The connection's side. What returns a sentence has met a peer's fault: the connection ends.
  // ---
  using Fault = std::optional<std::string>;
  void set_requests(std::unique_ptr<ChannelRequests> requests) { requests_ = std::move(requests); }
  void push_event(stream::Event event, Reply reply);
  // The window, at least so large from now on.
  void widen(std::uint32_t window);
  // A text for the person at the other end, outside of any order.
  void say(std::string_view text);
  void on_open(const Remote& remote);
  void on_refused(std::string why);
  Fault on_data(stream::Lane lane, std::string_view bytes);
  Fault on_unknown_data(std::size_t size);
  Fault on_adjust(std::uint32_t increment);
  Fault on_eof();
  void on_close();
  Fault on_request(std::string_view type, bool want_reply, Reader body);
  Fault on_answer(bool success);
  // The connection is gone.
  void on_dead(const Error& why);

  std::uint32_t id() const { return id_; }
  const Remote& remote() const { return remote_; }
  bool is_open() const { return state_ == State::kOpen; }
  bool is_opening() const { return state_ == State::kOpening; }

 private:
  friend class Reply;
  friend class ChannelOffer;
  friend class Writing;
  enum class State { kOpening, kOpen, kOver };

  bool may_write() const { return state_ != State::kOver && !got_close_ && !abandoned_; }
  Error why_not() const;
  std::string_view send_turn(stream::Lane lane, std::string_view bytes);
  void give_credit();
  void settle();
  void answer(std::uint64_t number, bool success);
  void send_simple(Message type);
  void wake();

  Connection* connection_;  // null once it is gone
  const std::shared_ptr<Turns> turns_;
  const std::uint32_t id_;
  Remote remote_;
  State state_ = State::kOpening;
  std::optional<Error> over_;  // why, when it is not the peer's close

  Inbox inbox_;
  bool got_eof_ = false, got_close_ = false;
  bool want_eof_ = false, sent_eof_ = false;
  bool want_close_ = false, sent_close_ = false;
  bool abandoned_ = false;
  bool has_consumer_ = false;
  int writing_ = 0;

  std::unique_ptr<ChannelRequests> requests_;
  std::deque<stream::Event> events_;
  std::deque<std::optional<bool>> answers_;  // to the peer's requests; the first is answers_base_
  std::uint64_t answers_base_ = 0;
  std::deque<std::shared_ptr<std::optional<bool>>> asked_;  // our requests

  std::array<base::Notify, 2> readable_, writable_;
  base::Notify event_, answered_;
};

}  // namespace rdev::ssh
