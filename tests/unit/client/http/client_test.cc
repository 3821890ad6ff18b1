#include "client/http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "client/http/gzip.h"
#include "tests/unit/run.h"

namespace rdev::http {
namespace {

using asio::ip::tcp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string answer(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// What the server says to one request; it hangs up afterwards if told so.
struct Reply {
  std::string bytes;
  bool hangs_up = false;
};

class HttpClient : public ::testing::Test {
 protected:
  HttpClient() : listener_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(loop_, serve(), asio::detached);
  }

  awaitable<void> serve() {
    for (;;) {
      auto [error, socket] = co_await listener_.async_accept(use_tuple);
      if (error) {
        co_return;
      }
      ++connections_;
      asio::co_spawn(loop_, talk(std::move(socket)), asio::detached);
    }
  }

  awaitable<void> talk(tcp::socket socket) {
    std::string buffer;
    for (;;) {
      auto [error, n] = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer),
                                                        "\r\n\r\n", use_tuple);
      if (error || replies_.empty()) {
        co_return;
      }
      requests_.push_back(buffer.substr(0, buffer.find("\r\n")));
      last_head_ = buffer.substr(0, n);
      buffer.clear();  // bodies come with their heads here: they are short
      const Reply reply = replies_.front();
      replies_.pop_front();
      co_await asio::async_write(socket, asio::buffer(reply.bytes), use_tuple);
      if (reply.hangs_up) {
        co_return;
      }
    }
  }

  std::uint16_t port() const { return listener_.local_endpoint().port(); }
  ClientOptions options() const {
    return {.base = parse_base("http://127.0.0.1:" + std::to_string(port()) + "/api").value(),
            .tls = {},
            .environment = {},
            .limit = std::chrono::seconds(10),
            .first_pause = std::chrono::milliseconds(1)};
  }
  Result<Answer> call(Client& client, const Call& call) {
    return test::run(loop_, client.call(call));
  }
  Result<Answer> call(const Call& one) {
    Client client(options());
    return call(client, one);
  }

  asio::io_context loop_;
  tcp::acceptor listener_;
  std::deque<Reply> replies_;
  std::vector<std::string> requests_;
  std::string last_head_;
  int connections_ = 0;
};

TEST_F(HttpClient, KeepsItsConnection) {
  Client client(options());
  replies_ = {{answer("200 OK", "ETag: \"1\"\r\n", "one")}, {answer("404 Not Found", "", "two")}};
  const auto first = call(client, {.target = "/x?y"});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->body, "one");
  EXPECT_EQ(first->etag, "\"1\"");
  const auto second = call(client, {.target = "/z"});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->status, 404);
  EXPECT_EQ(second->body, "two");
  EXPECT_THAT(requests_, ElementsAre("GET /api/x?y HTTP/1.1", "GET /api/z HTTP/1.1"));
  EXPECT_EQ(connections_, 1);
}

TEST_F(HttpClient, AnIdleConnectionThatIsGoneIsNoFailure) {
  Client client(options());
  replies_ = {{answer("200 OK", "", "one"), true}, {answer("200 OK", "", "two")}};
  ASSERT_TRUE(call(client, {.target = "/"}));
  const auto second = call(client, {.target = "/"});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->body, "two");
  EXPECT_EQ(connections_, 2);
}

TEST_F(HttpClient, RepeatsWhatIsHarmless) {
  replies_ = {{answer("502 Bad Gateway", "", "<html>")},
              {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut", true},
              {answer("200 OK", "", "whole")}};
  const auto got = call({.target = "/"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "whole");
  EXPECT_EQ(requests_.size(), 3U);
}

TEST_F(HttpClient, GivesUpAfterThreeTries) {
  for (int i = 0; i < 4; ++i) {
    replies_.push_back({answer("503 Service Unavailable", "", "later")});
  }
  EXPECT_EQ(call({.target = "/"}).value().status, 503);
  EXPECT_EQ(requests_.size(), 3U);
}

TEST_F(HttpClient, NeverRepeatsAPostThatMayHaveArrived) {
  replies_ = {{"", true}, {answer("202 Accepted", "", "twice")}};
  const auto got = call({.method = "POST", .target = "/jobs", .headers = {}, .body = "job"});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
  EXPECT_THAT(got.error().message, HasSubstr("cannot reach http://127.0.0.1"));
  EXPECT_EQ(requests_.size(), 1U);

  requests_.clear();
  replies_ = {{answer("502 Bad Gateway", "", "")}, {answer("202 Accepted", "", "twice")}};
  EXPECT_EQ(call({.method = "POST", .target = "/jobs"}).value().status, 502);
}

TEST_F(HttpClient, WaitsAsLongAsA429Says) {
  replies_ = {{answer("429 Too Many Requests", "Retry-After: 0\r\n", "slow down")},
              {answer("200 OK", "", "now")}};
  EXPECT_EQ(call({.target = "/"}).value().body, "now");
  // Longer than there is time for: the caller is told at once.
  replies_ = {{answer("429 Too Many Requests", "Retry-After: 3600\r\n", "slow down")}};
  EXPECT_EQ(call({.target = "/"}).value().status, 429);
  replies_ = {
      {answer("429 Too Many Requests", "Retry-After: Thu, 01 Jan 2099 00:00:00 GMT\r\n", "")}};
  EXPECT_EQ(call({.target = "/"}).value().status, 429);
}

TEST_F(HttpClient, UnpacksAndBoundsAnswers) {
  replies_ = {
      {answer("200 OK", "Content-Encoding: gzip\r\n", gzip("long " + std::string(99, 'x')))}};
  EXPECT_EQ(call({.target = "/"}).value().body, "long " + std::string(99, 'x'));
  EXPECT_THAT(last_head_, HasSubstr("Accept-Encoding: gzip\r\n"));

  replies_ = {{answer("200 OK", "Content-Encoding: gzip\r\n", gzip(std::string(1 << 20, 'x')))}};
  EXPECT_EQ(call({.target = "/", .headers = {}, .body = {}, .max_bytes = 4096}).error().code,
            Code::kLimit);
  replies_ = {{answer("200 OK", "", std::string(5000, 'x'))}};
  EXPECT_EQ(call({.target = "/", .headers = {}, .body = {}, .max_bytes = 4096}).error().code,
            Code::kLimit);
  const std::string packed = gzip("text");
  EXPECT_EQ(gunzip(packed.substr(0, packed.size() - 9), 100).error().code, Code::kProtocol);
  EXPECT_EQ(gunzip("no gzip", 100).error().code, Code::kProtocol);
}

TEST_F(HttpClient, AnUnchangedAnswerHasNoBody) {
  replies_ = {{"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"}, {answer("200 OK", "", "new")}};
  Client client(options());
  EXPECT_EQ(call(client, {.target = "/", .headers = {{"If-None-Match", "\"1\""}}}).value().status,
            304);
  EXPECT_EQ(call(client, {.target = "/"}).value().body, "new");
  EXPECT_EQ(connections_, 1);
}

TEST_F(HttpClient, AsksAPlainProxyForTheWholeUrl) {
  ClientOptions through = options();
  through.base = parse_base("http://pai.example.com/rest-server").value();
  through.environment["http_proxy"] = "http://alice:pw@127.0.0.1:" + std::to_string(port());
  Client client(through);
  replies_ = {{answer("200 OK", "", "proxied")}};
  EXPECT_EQ(call(client, {.target = "/x"}).value().body, "proxied");
  EXPECT_THAT(requests_, ElementsAre("GET http://pai.example.com/rest-server/x HTTP/1.1"));
  EXPECT_THAT(last_head_, HasSubstr("Host: pai.example.com\r\n"));
  EXPECT_THAT(last_head_, HasSubstr("Proxy-Authorization: Basic YWxpY2U6cHc=\r\n"));
}

TEST_F(HttpClient, SaysWhatAProxyRefuses) {
  ClientOptions through = options();
  through.base = parse_base("https://pai.example.com").value();
  through.environment["https_proxy"] = "127.0.0.1:" + std::to_string(port());
  Client client(through);
  replies_ = {{answer("407 Proxy Authentication Required", "", "")}};
  const auto got = call(client, {.target = "/"});
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("it wants a user and a password"));
  EXPECT_THAT(got.error().message, HasSubstr("the proxy of https_proxy"));
  EXPECT_THAT(requests_, ElementsAre("CONNECT pai.example.com:443 HTTP/1.1"));
}

}  // namespace
}  // namespace rdev::http
