#include "protocol/ssh/connection.h"

namespace rdev::ssh {
namespace {

awaitable<Result<std::shared_ptr<Channel>>> wait_for_opening(std::shared_ptr<Channel> channel,
                                                             std::optional<Error> failed) {
  if (failed) {
    co_return tl::make_unexpected(*failed);
  }
  // Cancelled while it waits, the channel must not stay open at the peer.
  struct Guard {
    Channel* channel;
    ~Guard() {
      if (channel != nullptr) {
        channel->abandon();
      }
    }
  } guard{channel.get()};
  if (auto opened = co_await Channel::opened(channel); !opened) {
    co_return tl::make_unexpected(opened.error());
  }
  guard.channel = nullptr;
  co_return channel;
}

}  // namespace

ChannelOffer::~ChannelOffer() { refuse(stream::Refusal::kProhibited, "nobody took the channel"); }

std::shared_ptr<Channel> ChannelOffer::accept() {
  auto channel = std::exchange(channel_, nullptr);
  if (Connection* connection = channel->connection_; connection != nullptr) {
    connection->send(begin(Message::kChannelOpenConfirmation)
                         .u32(remote_.id)
                         .u32(channel->id())
                         .u32(connection->options_.window)
                         .u32(Channel::kMaxPacket)
                         .bytes());
    channel->on_open(remote_);
  }
  return channel;
}

void ChannelOffer::refuse(stream::Refusal why, std::string_view reason) {
  const auto channel = std::exchange(channel_, nullptr);
  if (!channel || channel->connection_ == nullptr) {
    return;
  }
  Connection& connection = *channel->connection_;
  connection.send(begin(Message::kChannelOpenFailure)
                      .u32(remote_.id)
                      .u32(static_cast<std::uint32_t>(why))
                      .string(reason)
                      .string("")
                      .bytes());
  channel->on_refused("refused");
  connection.forget(channel->id());
}

bool Connection::Handler::on_global_request(std::string_view, Reader, GlobalReply) { return true; }

Connection::Connection(asio::any_io_executor executor, PacketSink& sink, Handler& handler,
                       Options options)
    : executor_(std::move(executor)),
      sink_(&sink),
      handler_(&handler),
      options_(options),
      turns_(std::make_shared<Turns>(sink)),
      global_answers_(std::make_shared<GlobalAnswers>(sink)) {}

Connection::~Connection() { closed({Code::kClosed, "the SSH connection is gone"}); }

void Connection::closed(const Error& why) {
  if (over_) {
    return;
  }
  over_ = why;
  global_answers_->stop();
  const auto channels = std::exchange(channels_, {});
  free_.clear();
  for (const auto& channel : channels) {
    if (channel) {
      channel->on_dead(why);
    }
  }
  turns_->stop();
}

awaitable<Result<std::shared_ptr<Channel>>> Connection::open(std::string_view type,
                                                             std::string_view body) {
  const auto channel = add_channel();
  if (!channel) {
    return wait_for_opening(nullptr, over_.value_or(Error{Code::kLimit, "too many channels"}));
  }
  send(begin(Message::kChannelOpen)
           .string(type)
           .u32(channel->id())
           .u32(options_.window)
           .u32(Channel::kMaxPacket)
           .bytes(),
       body);
  return wait_for_opening(channel, std::nullopt);
}

std::shared_ptr<Channel> Connection::add_channel() {
  if (over_ || channels() >= options_.channels) {
    return nullptr;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(channels_.size()));
    channels_.emplace_back();
  }
  const std::uint32_t id = free_.back();
  free_.pop_back();
  channels_[id] = std::make_shared<Channel>(*this, id, options_.window);
  return channels_[id];
}

void Connection::forget(std::uint32_t id) {
  channels_[id].reset();
  free_.push_back(id);
}

Channel* Connection::find(std::uint32_t id) const {
  return id < channels_.size() ? channels_[id].get() : nullptr;
}

void Connection::fault(std::string_view what) {
  const std::string text = printable(what);
  sink_->disconnect(DisconnectReason::kProtocolError, text);
  closed({Code::kProtocol, "the SSH peer sent " + text});
}

void Connection::packet(Message type, std::string_view payload) {
  if (over_) {
    return;
  }
  if (const Fault found = dispatch(type, Reader(payload))) {
    fault(*found);
  }
}

Connection::Fault Connection::dispatch(Message type, Reader body) {
  switch (type) {
    case Message::kGlobalRequest:
      return on_global_request(body);
    case Message::kRequestSuccess:
    case Message::kRequestFailure:
      return {};  // we ask for nothing; OpenSSH ignores such answers too
    case Message::kChannelOpen:
      return on_open(body);
    case Message::kChannelOpenConfirmation:
    case Message::kChannelOpenFailure:
      return on_open_answer(type, body);
    case Message::kChannelWindowAdjust:
    case Message::kChannelData:
    case Message::kChannelExtendedData:
    case Message::kChannelEof:
    case Message::kChannelClose:
    case Message::kChannelRequest:
    case Message::kChannelSuccess:
    case Message::kChannelFailure:
      return on_channel_message(type, body);
    default:
      return "message " + std::to_string(static_cast<int>(type)) + ", which does not exist";
  }
}

Connection::Fault Connection::on_global_request(Reader body) {
  const std::string_view type = body.string();
  const bool want_reply = body.boolean();
  if (!body.ok()) {
    return "a malformed global request";
  }
  auto reply = global_answers_->expect(want_reply);
  if (!reply) {
    return "too many global requests without waiting for an answer";
  }
  if (type == "keepalive@openssh.com") {
    reply->grant();
  } else if (type == "no-more-sessions@openssh.com") {
    no_more_sessions_ = true;
    reply->grant();
  } else if (!handler_->on_global_request(type, Reader(body.rest()), *std::move(reply))) {
    return "a malformed global request: " + std::string(type);
  }
  return {};
}

Connection::Fault Connection::on_open(Reader body) {
  const std::string_view type = body.string();
  const std::uint32_t sender = body.u32();
  const std::uint32_t window = body.u32();
  const std::uint32_t max_packet = body.u32();
  if (!body.ok() || max_packet == 0) {
    return "a malformed channel opening";
  }
  if (no_more_sessions_ && type == "session") {
    return "a session after no-more-sessions";
  }
  const auto channel = add_channel();
  if (!channel) {
    send(begin(Message::kChannelOpenFailure)
             .u32(sender)
             .u32(static_cast<std::uint32_t>(stream::Refusal::kResourceShortage))
             .string("too many channels on this connection")
             .string("")
             .bytes());
    return {};
  }
  auto offer = std::make_unique<ChannelOffer>(channel, Channel::Remote{sender, window, max_packet});
  if (!handler_->on_channel(type, Reader(body.rest()), std::move(offer))) {
    return "a malformed channel opening";
  }
  return {};
}

Connection::Fault Connection::on_open_answer(Message type, Reader body) {
  Channel* channel = find(body.u32());
  if (!body.ok() || channel == nullptr || !channel->is_opening()) {
    return "an answer to no channel opening";
  }
  if (type == Message::kChannelOpenConfirmation) {
    Channel::Remote remote;
    remote.id = body.u32();
    remote.window = body.u32();
    remote.max_packet = body.u32();
    if (!body.ok() || remote.max_packet == 0) {
      return "a malformed answer to a channel opening";
    }
    channel->on_open(remote);
    return {};
  }
  body.u32();
  const std::string_view reason = body.string();
  if (!body.ok()) {
    return "a malformed answer to a channel opening";
  }
  const std::uint32_t id = channel->id();
  channel->on_refused("the peer refused the channel: " + printable(reason));
  forget(id);
  return {};
}

Connection::Fault Connection::on_channel_message(Message type, Reader body) {
  Channel* channel = find(body.u32());
  if (channel == nullptr || !channel->is_open()) {
    return "a message for a channel that does not exist";
  }
  switch (type) {
    case Message::kChannelWindowAdjust: {
      const std::uint32_t increment = body.u32();
      return body.ok() ? channel->on_adjust(increment) : "a malformed window adjustment";
    }
    case Message::kChannelData:
    case Message::kChannelExtendedData:
      return on_data(type, *channel, body);
    case Message::kChannelEof:
      return channel->on_eof();
    case Message::kChannelClose:
      channel->on_close();
      return {};
    case Message::kChannelRequest:
      return on_channel_request(*channel, body);
    default:
      return channel->on_answer(type == Message::kChannelSuccess);
  }
}

Connection::Fault Connection::on_channel_request(Channel& channel, Reader body) {
  const std::string_view type = body.string();
  const bool want_reply = body.boolean();
  if (!body.ok()) {
    return "a malformed channel request";
  }
  return channel.on_request(type, want_reply, Reader(body.rest()));
}

Connection::Fault Connection::on_data(Message type, Channel& channel, Reader body) {
  const std::uint32_t kind = type == Message::kChannelExtendedData ? body.u32() : 0;
  const std::string_view bytes = body.string();
  if (!body.ok()) {
    return "malformed data";
  }
  if (kind > 1) {
    return channel.on_unknown_data(bytes.size());
  }
  return channel.on_data(kind == 0 ? stream::Lane::kData : stream::Lane::kStderr, bytes);
}

}  // namespace rdev::ssh
