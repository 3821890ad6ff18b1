#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ssh/connection.h"

namespace rdev::ssh::test {

// Packets in a list, and what else became of the connection.
class FakeSink final : public PacketSink {
 public:
  void send(std::string_view head, std::string_view body) override {
    sent.push_back(std::string(head) + std::string(body));
    sent_bytes += head.size() + body.size();
  }
  bool congested() const override { return full || sent_bytes >= room; }
  void disconnect(DisconnectReason, std::string_view why) override { disconnected = why; }

  // The packets since the last call.
  std::vector<std::string> take() {
    sent_bytes = 0;
    return std::exchange(sent, {});
  }

  std::vector<std::string> sent;
  std::size_t sent_bytes = 0;
  std::size_t room = SIZE_MAX;  // congested from here on, until take()
  bool full = false;
  std::optional<std::string> disconnected;
};

// Keeps the offers.
class FakeHandler final : public Connection::Handler {
 public:
  bool on_channel(std::string_view type, Reader body,
                  std::unique_ptr<ChannelOffer> offer) override {
    if (type == "malformed") {
      return false;
    }
    types.emplace_back(type);
    bodies.emplace_back(body.rest());
    offers.push_back(std::move(offer));
    return true;
  }
  bool on_global_request(std::string_view type, Reader, GlobalReply reply) override {
    if (type == "granted") {
      reply.grant("port");
    } else if (type == "later") {
      replies.push_back(std::move(reply));
    }
    return type != "malformed";
  }
  std::vector<std::string> types, bodies;
  std::vector<std::unique_ptr<ChannelOffer>> offers;
  std::vector<GlobalReply> replies;
};

inline std::string simple(Message type, std::uint32_t channel) {
  return begin(type, channel).take();
}
inline std::string open_packet(std::string_view type, std::uint32_t sender, std::uint32_t window,
                               std::uint32_t max_packet) {
  return Writer().string(type).u32(sender).u32(window).u32(max_packet).take();
}
inline std::string data_packet(std::uint32_t channel, std::string_view bytes) {
  return Writer().u32(channel).string(bytes).take();
}
inline std::string request_packet(std::uint32_t channel, std::string_view type, bool want_reply,
                                  std::string_view body = {}) {
  return Writer().u32(channel).string(type).boolean(want_reply).raw(body).take();
}
inline std::string id_packet(std::uint32_t channel) { return Writer().u32(channel).take(); }

}  // namespace rdev::ssh::test
