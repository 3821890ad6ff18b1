#include "protocol/ssh/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/task_group.h"
#include "protocol/ssh/channel_stream.h"
#include "tests/unit/protocol/run.h"
#include "tests/unit/protocol/ssh/fakes.h"

namespace rdev::ssh {
namespace {

using stream::Lane;
using test::data_packet;
using test::id_packet;
using test::open_packet;
using test::request_packet;
using test::simple;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kTheirs = 77;  // the peer's number for its first channel
constexpr std::uint32_t kWindow = 256 * 1024;

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

awaitable<void> write_into(stream::Stream& stream, std::string bytes, Lane lane,
                           std::optional<Result<void>>& result) {
  result = co_await stream.write(asio::buffer(bytes), lane);
}
awaitable<void> read_into(stream::Stream& stream, std::size_t size, Lane lane,
                          std::optional<Result<std::string>>& result) {
  std::string bytes(size, '\0');
  const auto n = co_await stream.read(asio::buffer(bytes), lane);
  if (n) {
    result = bytes.substr(0, *n);
  } else {
    result = tl::make_unexpected(n.error());
  }
}

TEST_F(ConnectionTest, AnOfferIsAnsweredLater) {
  connection.packet(Message::kChannelOpen,
                    open_packet("direct-tcpip", kTheirs, 1000, 500) + "body");
  EXPECT_TRUE(sink.sent.empty());
  EXPECT_THAT(handler.types, ElementsAre("direct-tcpip"));
  EXPECT_THAT(handler.bodies, ElementsAre("body"));
  const auto channel = handler.offers[0]->accept();
  EXPECT_THAT(sink.take(), ElementsAre(begin(Message::kChannelOpenConfirmation, kTheirs)
                                           .u32(0)
                                           .u32(kWindow)
                                           .u32(32768)
                                           .bytes()));
}

TEST_F(ConnectionTest, ARefusalCarriesItsReasonAndADroppedOfferIsOne) {
  connection.packet(Message::kChannelOpen, open_packet("x", kTheirs, 1000, 500));
  handler.offers[0]->refuse(stream::Refusal::kConnectFailed, "no route");
  EXPECT_THAT(sink.take(), ElementsAre(begin(Message::kChannelOpenFailure, kTheirs)
                                           .u32(2)
                                           .string("no route")
                                           .string("")
                                           .bytes()));
  connection.packet(Message::kChannelOpen, open_packet("x", kTheirs, 1000, 500));
  handler.offers.clear();
  EXPECT_EQ(sink.take().at(0).substr(0, 9),
            begin(Message::kChannelOpenFailure, kTheirs).u32(1).bytes());
  EXPECT_EQ(connection.channels(), 0u);
}

TEST_F(ConnectionTest, ChannelsAreBoundedAndTheirNumbersComeBack) {
  auto first = accept();
  auto second = accept();
  auto third = accept();
  connection.packet(Message::kChannelOpen, open_packet("x", 5, 1000, 500));
  EXPECT_EQ(sink.take().at(0).substr(0, 9), begin(Message::kChannelOpenFailure, 5).u32(4).bytes());
  second.reset();
  EXPECT_EQ(connection.channels(), 3u);  // until the peer has closed as well
  connection.packet(Message::kChannelClose, id_packet(1));
  EXPECT_EQ(connection.channels(), 2u);
  second = accept();
  connection.packet(Message::kChannelData, data_packet(1, "to the new one"));
  EXPECT_FALSE(sink.disconnected);
}

TEST_F(ConnectionTest, ReadsWhatCameAndThenTheEnd) {
  const auto stream = accept();
  connection.packet(Message::kChannelData, data_packet(0, "out"));
  connection.packet(Message::kChannelExtendedData, Writer().u32(0).u32(1).string("err").take());
  connection.packet(Message::kChannelEof, id_packet(0));
  std::optional<Result<std::string>> data, error, end;
  group.spawn("", read_into(*stream, 100, Lane::kData, data));
  group.spawn("", read_into(*stream, 100, Lane::kStderr, error));
  poll();
  group.spawn("", read_into(*stream, 100, Lane::kData, end));
  poll();
  EXPECT_EQ(data->value(), "out");
  EXPECT_EQ(error->value(), "err");
  EXPECT_EQ(end->value(), "");
  std::optional<Result<void>> wrote;  // the other direction goes on
  group.spawn("", write_into(*stream, "still", Lane::kData, wrote));
  poll();
  EXPECT_TRUE(wrote->has_value());
  EXPECT_THAT(sink.take(),
              ElementsAre(begin(Message::kChannelData, kTheirs).string("still").bytes()));
}

TEST_F(ConnectionTest, CreditsWhatIsReadInStepsAndNothingElse) {
  const auto stream = accept();
  const std::string chunk(32768, 'x');
  for (int i = 0; i < 8; ++i) {
    connection.packet(Message::kChannelData, data_packet(0, chunk));
  }
  EXPECT_TRUE(sink.take().empty());  // full, and nobody reads
  std::optional<Result<std::string>> got;
  group.spawn("", read_into(*stream, 65535, Lane::kData, got));
  poll();
  EXPECT_TRUE(sink.take().empty());
  group.spawn("", read_into(*stream, 1, Lane::kData, got));
  poll();
  EXPECT_THAT(sink.take(),
              ElementsAre(begin(Message::kChannelWindowAdjust, kTheirs).u32(65536).bytes()));
  EXPECT_FALSE(sink.disconnected);
}

TEST_F(ConnectionTest, MoreThanTheWindowEndsTheConnection) {
  const auto stream = accept();
  for (int i = 0; i < 8; ++i) {
    connection.packet(Message::kChannelData, data_packet(0, std::string(32768, 'x')));
  }
  ASSERT_FALSE(sink.disconnected);
  std::optional<Result<void>> wrote;
  sink.full = true;
  group.spawn("", write_into(*stream, "waits", Lane::kData, wrote));
  poll();
  EXPECT_FALSE(wrote);
  connection.packet(Message::kChannelData, data_packet(0, "y"));
  EXPECT_THAT(sink.disconnected, testing::Optional(HasSubstr("window")));
  poll();
  EXPECT_EQ(wrote->error().code, Code::kProtocol);
}

TEST_F(ConnectionTest, DataOfAnUnknownKindIsDroppedAndCredited) {
  const auto stream = accept();
  for (int i = 0; i < 2; ++i) {
    connection.packet(Message::kChannelExtendedData,
                      Writer().u32(0).u32(9).string(std::string(32768, 'x')).take());
  }
  EXPECT_THAT(sink.take(),
              ElementsAre(begin(Message::kChannelWindowAdjust, kTheirs).u32(65536).bytes()));
}

TEST_F(ConnectionTest, WritesNoMoreThanThePeerAllows) {
  const auto stream = accept(10, 4);
  std::optional<Result<void>> wrote;
  group.spawn("", write_into(*stream, "0123456789ab", Lane::kData, wrote));
  poll();
  const auto data = [](std::string_view bytes) {
    return begin(Message::kChannelData, kTheirs).string(bytes).take();
  };
  EXPECT_THAT(sink.take(), ElementsAre(data("0123"), data("4567"), data("89")));
  EXPECT_FALSE(wrote);
  connection.packet(Message::kChannelWindowAdjust, Writer().u32(0).u32(1).take());
  poll();
  connection.packet(Message::kChannelWindowAdjust, Writer().u32(0).u32(5).take());
  poll();
  EXPECT_THAT(sink.take(), ElementsAre(data("a"), data("b")));
  EXPECT_TRUE(wrote->has_value());
}

TEST_F(ConnectionTest, CloseWaitsForTheWriteAndTheDestructorDoesNot) {
  auto patient = accept(4);
  auto hasty = accept(4);
  std::optional<Result<void>> first, second;
  group.spawn("", write_into(*patient, "123456", Lane::kData, first));
  group.spawn("", write_into(*hasty, "123456", Lane::kData, second));
  poll();
  sink.take();
  patient->close();
  EXPECT_TRUE(sink.take().empty());
  hasty.reset();
  EXPECT_THAT(sink.take(), ElementsAre(simple(Message::kChannelEof, kTheirs),
                                       simple(Message::kChannelClose, kTheirs)));
  poll();
  EXPECT_EQ(second->error().code, Code::kClosed);
  connection.packet(Message::kChannelWindowAdjust, Writer().u32(0).u32(2).take());
  poll();
  EXPECT_TRUE(first->has_value());
  EXPECT_THAT(sink.take(), ElementsAre(begin(Message::kChannelData, kTheirs).string("56").bytes(),
                                       simple(Message::kChannelEof, kTheirs),
                                       simple(Message::kChannelClose, kTheirs)));
}

TEST_F(ConnectionTest, ThePeersCloseIsAnsweredAndLeavesItsDataReadable) {
  const auto stream = accept(4);
  std::optional<Result<void>> wrote;
  group.spawn("", write_into(*stream, "123456", Lane::kData, wrote));
  poll();
  sink.take();
  connection.packet(Message::kChannelData, data_packet(0, "last words"));
  connection.packet(Message::kChannelClose, id_packet(0));
  std::optional<Result<std::string>> got, end;
  group.spawn("", read_into(*stream, 100, Lane::kData, got));
  poll();
  group.spawn("", read_into(*stream, 100, Lane::kData, end));
  poll();
  EXPECT_EQ(got->value(), "last words");
  EXPECT_EQ(end->value(), "");
  EXPECT_EQ(wrote->error().code, Code::kClosed);
  stream->close();
  EXPECT_EQ(sink.take().back(), simple(Message::kChannelClose, kTheirs));
  EXPECT_EQ(connection.channels(), 0u);
  connection.packet(Message::kChannelData, data_packet(0, "x"));
  EXPECT_TRUE(sink.disconnected);
}

TEST_F(ConnectionTest, AnExitStatusMayFollowThePeersClose) {
  const auto stream = accept();
  connection.packet(Message::kChannelClose, id_packet(0));
  EXPECT_TRUE(sink.take().empty());
  stream->send_event(stream::ExitStatus{.code = 3});
  EXPECT_EQ(sink.take().size(), 1u);
  stream->close();
  EXPECT_EQ(sink.take().back(), simple(Message::kChannelClose, kTheirs));
}

TEST_F(ConnectionTest, AStreamMayGoWhileItIsRead) {
  auto stream = accept();
  std::optional<Result<std::string>> got;
  group.spawn("", read_into(*stream, 100, Lane::kData, got));
  poll();
  stream.reset();
  poll();
  EXPECT_EQ(got->error().code, Code::kClosed);
}

TEST_F(ConnectionTest, TheConnectionsEndWakesEverybody) {
  const auto stream = accept(0);
  std::optional<Result<std::string>> got;
  std::optional<Result<void>> wrote;
  group.spawn("", read_into(*stream, 100, Lane::kData, got));
  group.spawn("", write_into(*stream, "x", Lane::kData, wrote));
  poll();
  connection.closed({Code::kClosed, "cut"});
  poll();
  EXPECT_EQ(got->error().message, "cut");
  EXPECT_EQ(wrote->error().message, "cut");
  stream->close();
  stream->send_event(stream::ExitStatus{1});
  EXPECT_TRUE(sink.take().empty());
}

TEST_F(ConnectionTest, WritersTakeTurnsWhileTheSinkHasRoom) {
  const auto first = accept();
  const auto second = accept();
  sink.room = 65536;
  std::optional<Result<void>> wrote[2];
  group.spawn("", write_into(*first, std::string(200'000, 'a'), Lane::kData, wrote[0]));
  group.spawn("", write_into(*second, std::string(200'000, 'b'), Lane::kData, wrote[1]));
  std::string order;
  for (int i = 0; i < 20; ++i) {
    poll();
    const auto sent = sink.take();
    if (!sent.empty()) {
      EXPECT_LE(sent.size(), 3u);  // two fill the room; the last one of a writer is short
      order += sent.at(0).back();
    }
    connection.writable();
  }
  EXPECT_TRUE(wrote[0] && wrote[1]);
  EXPECT_EQ(order, "aababab");  // the second came when the first had begun its second turn
}

TEST_F(ConnectionTest, ACancelledWriterHandsOnItsTurn) {
  const auto first = accept();
  const auto second = accept();
  sink.full = true;
  std::optional<Result<void>> wrote[2];
  base::TaskGroup doomed(context.get_executor());
  doomed.spawn("", write_into(*first, "a", Lane::kData, wrote[0]));
  group.spawn("", write_into(*second, "b", Lane::kData, wrote[1]));
  poll();
  doomed.cancel();
  poll();
  sink.full = false;
  connection.writable();
  poll();
  EXPECT_FALSE(wrote[0]);
  EXPECT_TRUE(wrote[1]);
}

// Keeps the replies that it is asked for, and answers "now" at once.
class KeepReplies final : public ChannelRequests {
 public:
  explicit KeepReplies(std::vector<Reply>& replies) : replies_(replies) {}
  bool on_request(Channel&, std::string_view type, Reader, Reply reply) override {
    if (type == "now") {
      reply.succeed();
    } else {
      replies_.push_back(std::move(reply));
    }
    return true;
  }

 private:
  std::vector<Reply>& replies_;
};

TEST_F(ConnectionTest, AnswersLeaveInTheOrderOfTheirRequests) {
  std::vector<Reply> replies;
  connection.packet(Message::kChannelOpen, open_packet("session", kTheirs, 1000, 500));
  const auto channel = handler.offers[0]->accept();
  channel->set_requests(std::make_unique<KeepReplies>(replies));
  sink.take();
  connection.packet(Message::kChannelRequest, request_packet(0, "later", true));
  connection.packet(Message::kChannelRequest, request_packet(0, "unasked", false));
  connection.packet(Message::kChannelRequest, request_packet(0, "now", true));
  connection.packet(Message::kChannelRequest, request_packet(0, "never", true));
  EXPECT_TRUE(sink.take().empty());
  replies[0].succeed();
  EXPECT_THAT(sink.take(), ElementsAre(simple(Message::kChannelSuccess, kTheirs),
                                       simple(Message::kChannelSuccess, kTheirs)));
  replies.clear();
  EXPECT_THAT(sink.take(), ElementsAre(simple(Message::kChannelFailure, kTheirs)));
}

TEST_F(ConnectionTest, UnansweredRequestsAreBounded) {
  std::vector<Reply> replies;
  connection.packet(Message::kChannelOpen, open_packet("session", kTheirs, 1000, 500));
  handler.offers[0]->accept()->set_requests(std::make_unique<KeepReplies>(replies));
  for (int i = 0; i < 1000 && !sink.disconnected; ++i) {
    connection.packet(Message::kChannelRequest, request_packet(0, "later", true));
  }
  EXPECT_TRUE(sink.disconnected);
}

awaitable<void> read_events(stream::Stream& stream, std::vector<Result<stream::Event>>& events) {
  do {
    events.push_back(co_await stream.read_event());
  } while (events.back());
}

TEST_F(ConnectionTest, EventsComeInOrderAndOnlyTheLastSizeOfARow) {
  const auto stream = accept();
  const auto size = [](std::uint32_t columns) {
    return Writer().u32(columns).u32(24).u32(0).u32(0).take();
  };
  connection.packet(Message::kChannelRequest, request_packet(0, "window-change", false, size(80)));
  connection.packet(Message::kChannelRequest, request_packet(0, "window-change", false, size(90)));
  connection.packet(Message::kChannelRequest,
                    request_packet(0, "signal", true, Writer().string("INT").take()));
  connection.packet(Message::kChannelRequest,
                    request_packet(0, "break", true, Writer().u32(500).take()));
  connection.packet(Message::kChannelRequest, request_packet(0, "nobody-knows", true));
  EXPECT_THAT(sink.take(), ElementsAre(simple(Message::kChannelSuccess, kTheirs),
                                       simple(Message::kChannelSuccess, kTheirs),
                                       simple(Message::kChannelFailure, kTheirs)));
  connection.packet(Message::kChannelClose, id_packet(0));
  std::vector<Result<stream::Event>> events;
  group.spawn("", read_events(*stream, events));
  poll();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(std::get<stream::WindowChange>(*events[0]).columns, 90u);
  EXPECT_EQ(std::get<stream::Signal>(*events[1]).name, "INT");
  EXPECT_EQ(std::get<stream::Break>(*events[2]).milliseconds, 500u);
  EXPECT_EQ(events[3].error().code, Code::kClosed);
}

TEST_F(ConnectionTest, ExitStatusGoesBeforeTheEnd) {
  const auto stream = accept();
  stream->send_event(stream::ExitStatus{7});
  stream->close();
  EXPECT_THAT(sink.take(), ElementsAre(begin(Message::kChannelRequest, kTheirs)
                                           .string("exit-status")
                                           .boolean(false)
                                           .u32(7)
                                           .bytes(),
                                       simple(Message::kChannelEof, kTheirs),
                                       simple(Message::kChannelClose, kTheirs)));
}

TEST_F(ConnectionTest, GlobalRequestsAreAnswered) {
  const auto ask = [&](std::string_view type) {
    connection.packet(Message::kGlobalRequest, Writer().string(type).boolean(true).take());
    return sink.take();
  };
  EXPECT_THAT(ask("keepalive@openssh.com"), ElementsAre(begin(Message::kRequestSuccess).bytes()));
  EXPECT_THAT(ask("granted"), ElementsAre(begin(Message::kRequestSuccess).raw("port").bytes()));
  EXPECT_THAT(ask("tcpip-forward"), ElementsAre(begin(Message::kRequestFailure).bytes()));
  connection.packet(Message::kGlobalRequest, Writer().string("x").boolean(false).take());
  EXPECT_TRUE(sink.take().empty());
  EXPECT_THAT(ask("no-more-sessions@openssh.com"),
              ElementsAre(begin(Message::kRequestSuccess).bytes()));
  connection.packet(Message::kChannelOpen, open_packet("direct-tcpip", 1, 1000, 500));
  EXPECT_FALSE(sink.disconnected);
  connection.packet(Message::kChannelOpen, open_packet("session", 1, 1000, 500));
  EXPECT_TRUE(sink.disconnected);
}

struct Fault {
  Message type;
  std::string payload;
  std::string_view says;
};

TEST_F(ConnectionTest, ThePeersFaultsEndTheConnection) {
  const auto adjust = [](std::uint32_t n) { return Writer().u32(0).u32(n).take(); };
  const Fault faults[] = {
      {Message::kGlobalRequest, Writer().u32(5).raw("ab").take(), "global request"},
      {Message::kChannelOpen, open_packet("x", 1, 2, 3).substr(0, 10), "channel opening"},
      {Message::kChannelOpen, open_packet("x", 1, 2, 0), "channel opening"},
      {Message::kChannelOpen, open_packet("malformed", 1, 2, 3), "channel opening"},
      {Message::kChannelOpenConfirmation, Writer().u32(0).u32(0).u32(0).u32(1).take(),
       "no channel"},
      {Message::kChannelOpenFailure, id_packet(9), "no channel"},
      {Message::kChannelData, data_packet(9, "x"), "does not exist"},
      {Message::kChannelData, data_packet(0xffffffff, "x"), "does not exist"},
      {Message::kChannelData, data_packet(0, "xyz").substr(0, 9), "malformed data"},
      {Message::kChannelData, "", "malformed data"},
      {Message::kChannelExtendedData, id_packet(0), "malformed data"},
      {Message::kChannelWindowAdjust, adjust(0xffffffff), "2^32"},
      {Message::kChannelWindowAdjust, id_packet(0), "window adjustment"},
      {Message::kChannelEof, id_packet(3), "does not exist"},
      {Message::kChannelClose, id_packet(3), "does not exist"},
      {Message::kChannelRequest, id_packet(0), "channel request"},
      {Message::kChannelRequest, request_packet(0, "signal", true), "malformed request: signal"},
      {Message::kChannelSuccess, id_packet(0), "no request"},
      {Message::kChannelFailure, id_packet(0), "no request"},
      {Message{85}, "", "message 85"},
  };
  for (const Fault& fault : faults) {
    test::FakeSink own_sink;
    test::FakeHandler own_handler;
    Connection own(context.get_executor(), own_sink, own_handler, {});
    own.packet(Message::kChannelOpen, open_packet("session", kTheirs, 10, 10));
    const ChannelStream stream(own_handler.offers.at(0)->accept());
    own.packet(fault.type, fault.payload);
    EXPECT_THAT(own_sink.disconnected, testing::Optional(HasSubstr(std::string(fault.says))));
    EXPECT_EQ(own.channels(), 0u);
    own.packet(Message::kChannelData, data_packet(0, "ignored from now on"));
  }
}

TEST_F(ConnectionTest, DataAndEndAfterTheEndAreFaults) {
  const auto stream = accept();
  connection.packet(Message::kChannelEof, id_packet(0));
  EXPECT_FALSE(sink.disconnected);
  connection.packet(Message::kChannelData, data_packet(0, "x"));
  EXPECT_TRUE(sink.disconnected);
}

awaitable<void> open_into(Connection& connection,
                          std::optional<Result<std::shared_ptr<Channel>>>& result) {
  result = co_await connection.open("session", "");
}

TEST_F(ConnectionTest, OpensAChannel) {
  std::optional<Result<std::shared_ptr<Channel>>> first, second;
  group.spawn("", open_into(connection, first));
  group.spawn("", open_into(connection, second));
  poll();
  EXPECT_EQ(sink.take().at(0),
            begin(Message::kChannelOpen).string("session").u32(0).u32(kWindow).u32(32768).bytes());
  connection.packet(Message::kChannelOpenFailure,
                    Writer().u32(0).u32(2).string("no\nway").string("").take());
  connection.packet(Message::kChannelOpenConfirmation,
                    Writer().u32(1).u32(kTheirs).u32(10).u32(10).take());
  poll();
  EXPECT_THAT(first->error().message, HasSubstr("no?way"));
  EXPECT_EQ(second->value()->remote().id, kTheirs);
}

TEST_F(ConnectionTest, AnOpeningThatNobodyWaitsForIsClosed) {
  std::optional<Result<std::shared_ptr<Channel>>> opened;
  base::TaskGroup doomed(context.get_executor());
  doomed.spawn("", open_into(connection, opened));
  poll();
  sink.take();
  doomed.cancel();
  poll();
  connection.packet(Message::kChannelOpenConfirmation,
                    Writer().u32(0).u32(kTheirs).u32(10).u32(10).take());
  EXPECT_THAT(sink.take(), ElementsAre(simple(Message::kChannelEof, kTheirs),
                                       simple(Message::kChannelClose, kTheirs)));
  EXPECT_FALSE(opened);
}

TEST_F(ConnectionTest, AnOfferMayOutliveTheConnection) {
  test::FakeHandler own_handler;
  {
    Connection own(context.get_executor(), sink, own_handler, {});
    own.packet(Message::kChannelOpen, open_packet("session", 1, 1000, 500));
    own.packet(Message::kChannelOpen, open_packet("session", 2, 1000, 500));
  }
  ChannelStream stream(own_handler.offers[0]->accept());
  own_handler.offers.clear();
  std::optional<Result<std::string>> got;
  group.spawn("", read_into(stream, 1, Lane::kData, got));
  poll();
  EXPECT_EQ(got->error().code, Code::kClosed);
}

}  // namespace
}  // namespace rdev::ssh
