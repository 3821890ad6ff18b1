#include "protocol/stream/join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <tuple>

#include "protocol/base/task_group.h"
#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::stream {
namespace {

// A client and a service, each with the end that a person or a program would have.
class JoinTest : public testing::Test {
 protected:
  JoinTest() {
    std::unique_ptr<Stream> client_end;
    std::unique_ptr<Stream> service_end;
    std::tie(client, client_end) = make_pair(context.get_executor());
    std::tie(service, service_end) = make_pair(context.get_executor());
    tasks.spawn("join", ending(join(std::move(client_end), std::move(service_end), passed)));
  }
  void run(awaitable<void> test) { test::run(context, around(std::move(test))); }

  awaitable<void> around(awaitable<void> test) {
    co_await std::move(test);
    client.reset();
    service.reset();
    tasks.cancel();
    co_await tasks.wait();
  }
  awaitable<void> ending(awaitable<void> joined) {
    co_await std::move(joined);
    ended = true;
  }
  static awaitable<std::string> read_all(Stream& stream, Lane lane = Lane::kData) {
    std::string text;
    char piece[1000];
    for (;;) {
      const auto n = co_await stream.read(asio::buffer(piece), lane);
      if (!n || *n == 0) {
        co_return n ? text : text + "(" + n.error().message + ")";
      }
      text.append(piece, *n);
    }
  }
  static awaitable<void> write(Stream& stream, std::string text, Lane lane = Lane::kData) {
    EXPECT_TRUE(co_await stream.write(asio::buffer(text), lane));
  }
  // Until the join has come to its end.
  awaitable<void> joined() { co_await tasks.wait(); }

  asio::io_context context;
  base::TaskGroup tasks{context.get_executor()};
  std::unique_ptr<Stream> client, service;
  Passed passed;
  bool ended = false;
};

CO_TEST_F(JoinTest, BothLanesBothWaysAndTheirEnds) {
  co_await write(*client, "question");
  client->write_eof();
  EXPECT_EQ(co_await read_all(*service), "question");
  co_await write(*service, "answer");
  co_await write(*service, "noise", Lane::kStderr);
  service->write_eof();
  EXPECT_EQ(co_await read_all(*client), "answer");
  EXPECT_EQ(co_await read_all(*client, Lane::kStderr), "noise");
  EXPECT_FALSE(ended);
  EXPECT_EQ(passed.to_service, 8U);
  EXPECT_EQ(passed.to_client, 11U);
}

CO_TEST_F(JoinTest, EventsBothWays) {
  client->send_event(WindowChange{.columns = 80, .rows = 25});
  const auto size = co_await service->read_event();
  EXPECT_EQ(std::get<WindowChange>(*size).columns, 80U);
  service->send_event(ExitStatus{.code = 7});
  const auto status = co_await client->read_event();
  EXPECT_EQ(std::get<ExitStatus>(*status).code, 7U);
}

CO_TEST_F(JoinTest, TheServicesCloseComesAfterAllThatWasBeforeIt) {
  co_await write(*service, "last words");
  service->send_event(ExitStatus{.code = 3});
  service->close();
  co_await joined();
  EXPECT_EQ(co_await read_all(*client), "last words");
  EXPECT_EQ(std::get<ExitStatus>(*co_await client->read_event()).code, 3U);
  EXPECT_FALSE(co_await client->read_event());
}

CO_TEST_F(JoinTest, TheClientsCloseIsPassedOnWithWhatItHasSent) {
  co_await write(*client, "half a file");
  client->close();
  co_await joined();
  EXPECT_EQ(co_await read_all(*service), "half a file");
  EXPECT_FALSE(co_await service->read_event());
}

// OpenSSH's client closes as soon as it has had our EOF; the exit status may come after that.
CO_TEST_F(JoinTest, AClientThatClosesAfterTheServicesEndDoesNotEndTheService) {
  service->write_eof();
  EXPECT_EQ(co_await read_all(*client), "");
  client->close();
  EXPECT_EQ(co_await read_all(*service), "");
  for (int i = 0; i < 100; ++i) {
    co_await asio::post(context, asio::use_awaitable);
  }
  EXPECT_FALSE(ended);
  service->send_event(ExitStatus{.code = 5});
  service->close();
  co_await joined();
}

CO_TEST_F(JoinTest, AServiceThatIsLostEndsTheClientsSide) {
  service.reset();
  co_await joined();
  EXPECT_FALSE(co_await client->read_event());
}

}  // namespace
}  // namespace rdev::stream
