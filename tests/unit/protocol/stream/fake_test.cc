#include "protocol/stream/fake.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "protocol/base/task_group.h"
#include "tests/unit/run.h"

namespace rdev::stream {
namespace {

class Fake : public testing::Test {
 protected:
  ~Fake() override { context.restart(), context.run(); }
  asio::io_context context;
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> ends =
      stream::make_pair(context.get_executor(), 8);
  Stream& a = *ends.first;
  Stream& b = *ends.second;
};

awaitable<std::string> read_all(Stream& stream, Lane lane) {
  std::string text;
  char buffer[5];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return text;
    }
    text.append(buffer, *n);
  }
}

awaitable<void> write_text(Stream& stream, std::string text, Lane lane, Result<void>& result) {
  result = co_await stream.write(asio::buffer(text), lane);
}

awaitable<void> big_write_waits_for_room(asio::io_context& context, Stream& a, Stream& b) {
  base::TaskGroup group(context.get_executor());
  Result<void> wrote = fail(Code::kFailed, "not done");
  group.spawn("write", write_text(a, "twenty bytes of text", Lane::kData, wrote));
  char buffer[3];
  const auto n = co_await b.read(asio::buffer(buffer), Lane::kData);
  EXPECT_EQ(std::string_view(buffer, n.value()), "twe");
  EXPECT_FALSE(wrote);
  a.close();  // after what is being written
  const std::string rest = co_await read_all(b, Lane::kData);
  EXPECT_EQ(rest, "nty bytes of text");
  EXPECT_TRUE(wrote);
  co_await group.wait();
}
TEST_F(Fake, BigWriteWaitsForRoomAndCloseForTheWrite) {
  test::run(context, big_write_waits_for_room(context, a, b));
}

awaitable<void> half_close(Stream& a, Stream& b) {
  a.write_eof();
  const std::string got = co_await read_all(b, Lane::kData);
  EXPECT_EQ(got, "");
  const auto wrote = co_await b.write(asio::buffer("back", 4), Lane::kStderr);
  EXPECT_TRUE(wrote);
  b.close();
  const std::string back = co_await read_all(a, Lane::kStderr);
  EXPECT_EQ(back, "back");
  const auto refused = co_await a.write(asio::buffer("x", 1), Lane::kData);
  EXPECT_EQ(refused.error().code, Code::kClosed);
}
TEST_F(Fake, HalfCloseLeavesTheOtherDirectionAndLanesApart) {
  test::run(context, half_close(a, b));
}

awaitable<void> destroyed(asio::io_context& context, std::unique_ptr<Stream>& a, Stream& b) {
  base::TaskGroup group(context.get_executor());
  Result<void> wrote;
  group.spawn("write", write_text(b, "twenty bytes of text", Lane::kData, wrote));
  char buffer[1];
  EXPECT_EQ((co_await a->read(asio::buffer(buffer), Lane::kData)).value(), 1u);
  a.reset();
  co_await group.wait();
  EXPECT_EQ(wrote.error().code, Code::kClosed);
}
TEST_F(Fake, DestroyedReaderFailsTheWriter) {
  test::run(context, destroyed(context, ends.first, b));
}

awaitable<void> events(Stream& a, Stream& b) {
  a.send_event(Signal{"TERM"});
  a.send_event(ExitStatus{7});
  a.close();
  const auto first = co_await b.read_event();
  EXPECT_EQ(std::get<Signal>(first.value()).name, "TERM");
  const auto second = co_await b.read_event();
  EXPECT_EQ(std::get<ExitStatus>(second.value()).code, 7u);
  const auto third = co_await b.read_event();
  EXPECT_EQ(third.error().code, Code::kClosed);
}
TEST_F(Fake, EventsArriveInOrderThenClosed) { test::run(context, events(a, b)); }

TEST_F(Fake, OfferRecordsItsAnswer) {
  const auto accepted = std::make_shared<Answer>(context.get_executor());
  FakeOffer offer(context.get_executor(), accepted);
  const auto stream = offer.accept();
  EXPECT_NE(accepted->peer, nullptr);
  const auto refused = std::make_shared<Answer>(context.get_executor());
  FakeOffer(context.get_executor(), refused).refuse(Refusal::kConnectFailed, "no route");
  EXPECT_EQ(refused->refused, std::make_pair(Refusal::kConnectFailed, std::string("no route")));
  const auto dropped = std::make_shared<Answer>(context.get_executor());
  {
    const FakeOffer gone(context.get_executor(), dropped);
  }
  EXPECT_TRUE(dropped->refused);
}

}  // namespace
}  // namespace rdev::stream
