#include "tests/unit/protocol/ssh/connection_lab.h"

namespace rdev::ssh {
namespace {

class ChannelTest : public ConnectionTest {};

TEST_F(ChannelTest, ReadsWhatCameAndThenTheEnd) {
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

TEST_F(ChannelTest, CreditsWhatIsReadInStepsAndNothingElse) {
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

TEST_F(ChannelTest, MoreThanTheWindowEndsTheConnection) {
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

TEST_F(ChannelTest, DataOfAnUnknownKindIsDroppedAndCredited) {
  const auto stream = accept();
  for (int i = 0; i < 2; ++i) {
    connection.packet(Message::kChannelExtendedData,
                      Writer().u32(0).u32(9).string(std::string(32768, 'x')).take());
  }
  EXPECT_THAT(sink.take(),
              ElementsAre(begin(Message::kChannelWindowAdjust, kTheirs).u32(65536).bytes()));
}

TEST_F(ChannelTest, WritesNoMoreThanThePeerAllows) {
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

TEST_F(ChannelTest, CloseWaitsForTheWriteAndTheDestructorDoesNot) {
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

TEST_F(ChannelTest, ThePeersCloseIsAnsweredAndLeavesItsDataReadable) {
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

TEST_F(ChannelTest, AnExitStatusMayFollowThePeersClose) {
  const auto stream = accept();
  connection.packet(Message::kChannelClose, id_packet(0));
  EXPECT_TRUE(sink.take().empty());
  stream->send_event(stream::ExitStatus{.code = 3});
  EXPECT_EQ(sink.take().size(), 1u);
  stream->close();
  EXPECT_EQ(sink.take().back(), simple(Message::kChannelClose, kTheirs));
}

TEST_F(ChannelTest, AStreamMayGoWhileItIsRead) {
  auto stream = accept();
  std::optional<Result<std::string>> got;
  group.spawn("", read_into(*stream, 100, Lane::kData, got));
  poll();
  stream.reset();
  poll();
  EXPECT_EQ(got->error().code, Code::kClosed);
}

TEST_F(ChannelTest, TheConnectionsEndWakesEverybody) {
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

TEST_F(ChannelTest, WritersTakeTurnsWhileTheSinkHasRoom) {
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

TEST_F(ChannelTest, ACancelledWriterHandsOnItsTurn) {
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

}  // namespace
}  // namespace rdev::ssh
