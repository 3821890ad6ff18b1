#include "client/cluster/docker/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cluster/docker/logs.h"
#include "tests/unit/client/cluster/docker/fake_engine.h"
#include "tests/unit/client/cluster/docker/wait_for.h"

namespace rdev::cluster::docker {
namespace {

using test::FakeEngine;
using test::wait_for;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Request get(const std::string& target) {
  Request request;
  request.method = "GET";
  request.target = target;
  return request;
}

TEST(ApiVersion, TheLowerOfBoth) {
  EXPECT_EQ(api_version("1.41"), "/v1.41");
  EXPECT_EQ(api_version("1.40"), "/v1.40");
  EXPECT_EQ(api_version("1.51"), "/v1.44");
  EXPECT_EQ(api_version("1.39"), "");
  EXPECT_EQ(api_version("2.0"), "");
  EXPECT_EQ(api_version("1.x"), "");
}

TEST(ResponseMessage, JsonOrText) {
  EXPECT_EQ((Response{500, R"({"message":"why"})"}.message()), "why");
  EXPECT_EQ((Response{500, "plain\n"}.message()), "plain");
  EXPECT_EQ((Response{500, ""}.message()), "HTTP status 500");
}

TEST(EngineCall, NothingThereIsUnavailableWithWhatToTry) {
  asio::io_context context;
  Engine engine(*parse_host("unix:///nosuch/docker.sock"));
  const auto response = wait_for(context, engine.call(get("/x")));
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("unix:///nosuch/docker.sock"));
  EXPECT_THAT(response.error().message, HasSubstr("No such file or directory"));
  EXPECT_THAT(response.error().message, HasSubstr("Is dockerd running"));
  EXPECT_THAT(response.error().message, HasSubstr("--cluster local"));
}

TEST(EngineCall, SpeaksTheEnginesVersionOverOneConnection) {
  const FakeEngine fake([](const std::string& line, const std::string& body) {
    return FakeEngine::response(200, line + "|" + body);
  });
  asio::io_context context;
  Engine engine(fake.address());
  for (int i = 0; i < 3; ++i) {
    const auto response = wait_for(context, engine.call(get("/x")));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "GET /x|");
  }
  EXPECT_THAT(fake.heads(), HasSubstr("GET /v1.41/x HTTP/1.1\r\nHost: docker\r\n"));
  EXPECT_EQ(fake.connections(), 1);
}

TEST(EngineCall, AClosedIdleConnectionIsNoFailure) {
  std::atomic<int> calls = 0;
  const FakeEngine fake([&](const std::string&, const std::string&) {
    return ++calls == 2 ? "" : FakeEngine::response(200, std::to_string(calls));
  });
  asio::io_context context;
  Engine engine(fake.address());
  for (const std::string body : {"1", "3"}) {
    const auto response = wait_for(context, engine.call(get("/x")));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, body);
  }
}

TEST(EngineCall, NonsenseIsNamed) {
  const struct {
    std::string answer;
    Code code;
    std::string sentence;
  } table[] = {
      {"SSH-2.0-OpenSSH\r\n\r\n", Code::kProtocol, "not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
       Code::kProtocol, "not HTTP"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Code::kProtocol, "not HTTP"},
      {"", Code::kUnavailable, "closed the connection without an answer"},
  };
  for (const auto& row : table) {
    const FakeEngine fake([&](const std::string&, const std::string&) { return row.answer; });
    asio::io_context context;
    Engine engine(fake.address());
    const auto response = wait_for(context, engine.call(get("/x")));
    ASSERT_FALSE(response) << row.answer;
    EXPECT_EQ(response.error().code, row.code) << response.error().message;
    EXPECT_THAT(response.error().message, HasSubstr(row.sentence));
  }
}

TEST(EngineCall, ASilentEngineIsATimeout) {
  const FakeEngine fake(
      [](const std::string&, const std::string&) { return std::string(FakeEngine::kHang); });
  asio::io_context context;
  Engine engine(fake.address());
  const auto response = wait_for(context, engine.call(get("/x"), std::chrono::milliseconds(50)));
  EXPECT_EQ(response.error().code, Code::kTimeout);
  EXPECT_THAT(response.error().message, HasSubstr("GET /x"));
}

TEST(EngineCall, AnEndlessBodyIsCut) {
  const FakeEngine fake([](const std::string&, const std::string&) {
    return "HTTP/1.1 200 OK\r\n\r\n" + std::string(Engine::kMaxBody + 1, 'x');
  });
  asio::io_context context;
  Engine engine(fake.address());
  EXPECT_EQ(wait_for(context, engine.call(get("/x"))).error().code, Code::kLimit);
}

TEST(ReadLogs, DecodesAChunkedStream) {
  const FakeEngine fake([](const std::string&, const std::string&) {
    const std::string frames("\1\0\0\0\0\0\0\3one\2\0\0\0\0\0\0\3two", 22);
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
           ("a\r\n" + frames.substr(0, 10) + "\r\nc\r\n" + frames.substr(10) + "\r\n0\r\n\r\n");
  });
  asio::io_context context;
  Engine engine(fake.address());
  std::string text;
  const auto sink = [&](std::string_view bytes) { text += bytes; };
  const auto read = wait_for(context, read_logs(engine, "c1", Cluster::Follow::kYes, sink));
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(text, "onetwo");
  EXPECT_THAT(fake.requests(), ElementsAre("GET /containers/c1/logs?stdout=1&stderr=1&follow=1"));
}

}  // namespace
}  // namespace rdev::cluster::docker
