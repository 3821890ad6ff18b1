#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/task_group.h"
#include "protocol/ssh/channel_stream.h"
#include "protocol/ssh/connection.h"
#include "tests/unit/protocol/ssh/fakes.h"
#include "tests/unit/run.h"

// A Connection whose packets the test writes and reads itself.
namespace rdev::ssh {

using stream::Lane;
using test::data_packet;
using test::id_packet;
using test::open_packet;
using test::request_packet;
using test::simple;
using testing::ElementsAre;
using testing::HasSubstr;

inline constexpr std::uint32_t kTheirs = 77;  // the peer's number for its first channel
inline constexpr std::uint32_t kWindow = 256 * 1024;

class ConnectionTest : public testing::Test {
 protected:
  ~ConnectionTest() override {
    group.cancel();
    context.restart();
    context.run();
  }
  // A channel that the peer opened and we accepted; its id here is 0, then 1, …
  std::unique_ptr<ChannelStream> accept(std::uint32_t their_window = 1 << 20,
                                        std::uint32_t max_packet = 32768) {
    connection.packet(Message::kChannelOpen,
                      open_packet("session", kTheirs, their_window, max_packet));
    auto offer = std::move(handler.offers.back());
    handler.offers.pop_back();
    auto stream = std::make_unique<ChannelStream>(offer->accept());
    sink.take();
    return stream;
  }
  void poll() {
    context.restart();
    context.poll();
  }

  asio::io_context context;
  test::FakeSink sink;
  test::FakeHandler handler;
  Connection connection{context.get_executor(), sink, handler, {.window = kWindow, .channels = 3}};
  base::TaskGroup group{context.get_executor()};
};

inline awaitable<void> write_into(stream::Stream& stream, std::string bytes, Lane lane,
                                  std::optional<Result<void>>& result) {
  result = co_await stream.write(asio::buffer(bytes), lane);
}
inline awaitable<void> read_into(stream::Stream& stream, std::size_t size, Lane lane,
                                 std::optional<Result<std::string>>& result) {
  std::string bytes(size, '\0');
  const auto n = co_await stream.read(asio::buffer(bytes), lane);
  if (n) {
    result = bytes.substr(0, *n);
  } else {
    result = tl::make_unexpected(n.error());
  }
}

}  // namespace rdev::ssh
