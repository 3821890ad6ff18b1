#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ssh/channel.h"
#include "protocol/ssh/global_requests.h"
#include "protocol/ssh/packet_sink.h"

namespace rdev::ssh {

// A channel that the peer wants to open: accept or refuse it, once. Dropped, it is refused.
class ChannelOffer final {
 public:
  explicit ChannelOffer(std::shared_ptr<Channel> channel, Channel::Remote remote)
      : channel_(std::move(channel)), remote_(remote) {}
  ChannelOffer(const ChannelOffer&) = delete;
  ChannelOffer& operator=(const ChannelOffer&) = delete;
  ~ChannelOffer();

  std::shared_ptr<Channel> accept();
  void refuse(stream::Refusal why, std::string_view reason);

 private:
  std::shared_ptr<Channel> channel_;  // null once answered
  Channel::Remote remote_;
};

// The connection protocol, RFC 4254, of either side: packets in, packets out, no libssh. A peer's
// fault ends the connection with a sentence and never more than that.
class Connection final {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // The peer wants a channel; `body` is the type's own part. False when that is malformed.
    virtual bool on_channel(std::string_view type, Reader body,
                            std::unique_ptr<ChannelOffer> offer) = 0;
    // False when `body` is malformed. A type that nobody knows is refused: drop `reply`.
    virtual bool on_global_request(std::string_view type, Reader body, GlobalReply reply);
  };
  struct Options {
    std::uint32_t window = 2 * 1024 * 1024;  // of each channel, for what comes in
    std::size_t channels = 1024;
  };

  Connection(asio::any_io_executor executor, PacketSink& sink, Handler& handler, Options options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // From the sink's other end.
  void packet(Message type, std::string_view payload);
  void writable() { turns_->kick(); }
  void closed(const Error& why);

  // Asks the peer for a channel.
  awaitable<Result<std::shared_ptr<Channel>>> open(std::string_view type, std::string_view body);
  std::size_t channels() const { return channels_.size() - free_.size(); }

 private:
  friend class Channel;
  friend class ChannelOffer;
  using Fault = Channel::Fault;

  Fault dispatch(Message type, Reader body);
  Fault on_global_request(Reader body);
  Fault on_open(Reader body);
  Fault on_open_answer(Message type, Reader body);
  Fault on_channel_message(Message type, Reader body);
  Fault on_channel_request(Channel& channel, Reader body);
  Fault on_data(Message type, Channel& channel, Reader body);

  // Null when the table is full.
  std::shared_ptr<Channel> add_channel();
  void forget(std::uint32_t id);
  Channel* find(std::uint32_t id) const;
  void send(std::string_view head, std::string_view body = {}) { sink_->send(head, body); }
  void fault(std::string_view what);

  asio::any_io_executor executor_;
  PacketSink* sink_;
  Handler* handler_;
  Options options_;
  std::shared_ptr<Turns> turns_;
  std::shared_ptr<GlobalAnswers> global_answers_;
  std::vector<std::shared_ptr<Channel>> channels_;  // by id
  std::vector<std::uint32_t> free_;
  bool no_more_sessions_ = false;
  std::optional<Error> over_;
};

}  // namespace rdev::ssh
