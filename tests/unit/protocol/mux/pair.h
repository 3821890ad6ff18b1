#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/mux/mux.h"

namespace rdev::mux {

// A client's mux and an agent's, and what goes between them.
struct Pair {
  static constexpr std::uint32_t kConsumer = 0xabcd;

  explicit Pair(const Options& options = {}) : Pair(options, options) {}
  Pair(const Options& at_client, const Options& at_agent)
      : client(as(at_client, Side::kClient)), agent(as(at_agent, Side::kAgent)) {}

  static Options as(Options options, Side side) {
    options.side = side;
    options.consumer = side == Side::kClient ? kConsumer : 0;
    return options;
  }

  // All frames of `from` into `to`; their number. DATA gets the flag `mark` on its way.
  static int move(Mux& from, Mux& to, std::uint8_t mark = 0) {
    std::string bytes;
    from.produce(bytes, ~std::size_t{0});
    wire::Decoder decoder;
    decoder.feed(bytes);
    int frames = 0;
    for (auto frame = decoder.next(); frame.value(); frame = decoder.next()) {
      if ((*frame)->header.type == wire::Type::kData) {
        (*frame)->header.flags |= mark;
      }
      EXPECT_TRUE(to.receive(**frame));
      ++frames;
    }
    return frames;
  }
  // Until nobody has anything to say.
  void pump() {
    while (client.has_output() || agent.has_output()) {
      move(client, agent);
      move(agent, client);
    }
  }

  static std::vector<Event> events(Mux& mux) {
    std::vector<Event> all;
    while (auto event = mux.next_event()) {
      all.push_back(*std::move(event));
    }
    return all;
  }
  // "accepted 1 hello, readable 0": what there was, for people and for EXPECT_EQ.
  static std::string told(Mux& mux) {
    static constexpr const char* kNames[] = {"opened",   "accepted", "refused",
                                             "readable", "writable", "reset"};
    std::string all;
    for (const Event& event : events(mux)) {
      all += all.empty() ? "" : ", ";
      all += kNames[static_cast<int>(event.kind)];
      if (event.kind == Event::Kind::kReadable || event.kind == Event::Kind::kWritable) {
        all += " " + std::to_string(static_cast<int>(event.lane));
      }
      all += event.text.empty() ? "" : " " + event.text;
    }
    return all;
  }

  // A stream that both have, with no events left.
  StreamId opened() {
    const StreamId id = client.open("request").value();
    pump();
    agent.accept(id);
    pump();
    events(client);
    events(agent);
    return id;
  }

  static std::string read(Mux& mux, StreamId id, Lane lane = Lane::kData,
                          std::size_t most = 1 << 20) {
    std::string bytes(most, '\0');
    bytes.resize(mux.read(id, lane, bytes.data(), most));
    return bytes;
  }

  Mux client;
  Mux agent;
};

}  // namespace rdev::mux
