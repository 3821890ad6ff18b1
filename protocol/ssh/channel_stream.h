#pragma once

#include <memory>
#include <utility>

#include "protocol/ssh/channel.h"
#include "protocol/stream/stream.h"

namespace rdev::ssh {

// A channel as its consumer sees it; owns the consumer's end.
class ChannelStream final : public stream::Stream {
 public:
  explicit ChannelStream(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {
    channel_->set_consumer();
  }
  ChannelStream(const ChannelStream&) = delete;
  ChannelStream& operator=(const ChannelStream&) = delete;
  ~ChannelStream() override { channel_->abandon(); }

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer, stream::Lane lane) override {
    return Channel::read(channel_, buffer, lane);
  }
  awaitable<Result<void>> write(asio::const_buffer bytes, stream::Lane lane) override {
    return Channel::write(channel_, bytes, lane);
  }
  void write_eof() override { channel_->write_eof(); }
  awaitable<Result<stream::Event>> read_event() override { return Channel::read_event(channel_); }
  void send_event(stream::Event event) override { channel_->send_event(event); }
  void close() override { channel_->close(); }

 private:
  std::shared_ptr<Channel> channel_;
};

}  // namespace rdev::ssh
