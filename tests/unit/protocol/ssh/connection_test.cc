#include "tests/unit/protocol/ssh/connection_lab.h"

namespace rdev::ssh {
namespace {

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

TEST_F(ConnectionTest, GlobalAnswersLeaveInTheOrderOfTheirRequests) {
  const auto ask = [&](std::string_view type, bool wanted) {
    connection.packet(Message::kGlobalRequest, Writer().string(type).boolean(wanted).take());
  };
  const std::string yes = begin(Message::kRequestSuccess).bytes();
  const std::string no = begin(Message::kRequestFailure).bytes();
  ask("later", true);
  ask("keepalive@openssh.com", true);
  ask("later", false);
  ask("granted", true);
  ask("later", true);
  EXPECT_TRUE(sink.take().empty());
  handler.replies[1].grant("nobody asked");
  EXPECT_TRUE(sink.take().empty());
  handler.replies[0].grant("first");
  EXPECT_THAT(sink.take(), ElementsAre(yes + "first", yes, yes + "port"));
  handler.replies[0].refuse();  // answered already
  handler.replies.clear();
  EXPECT_THAT(sink.take(), ElementsAre(no));
}

TEST_F(ConnectionTest, GlobalRequestsWithoutWaitingAreBounded) {
  const std::string later = Writer().string("later").boolean(false).take();
  for (int i = 0; i < 256; ++i) {
    connection.packet(Message::kGlobalRequest, later);
  }
  EXPECT_FALSE(sink.disconnected);
  connection.packet(Message::kGlobalRequest, later);
  EXPECT_TRUE(sink.disconnected);
}

TEST_F(ConnectionTest, AGlobalAnswerAfterTheConnectionsEndIsHarmless) {
  connection.packet(Message::kGlobalRequest, Writer().string("later").boolean(true).take());
  connection.closed({Code::kClosed, "gone"});
  handler.replies.at(0).grant();
  EXPECT_TRUE(sink.take().empty());
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
      {Message::kGlobalRequest, Writer().string("malformed").boolean(false).take(),
       "global request"},
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
