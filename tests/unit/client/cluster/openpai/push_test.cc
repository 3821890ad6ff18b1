#include "client/cluster/openpai/push.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/client/temp_dir.h"
#include "tests/unit/run.h"

namespace rdev::cluster::openpai {
namespace {

using ::testing::HasSubstr;

const std::string kHash(64, 'a');

TEST(StubGreeting, IsTakenApart) {
  const auto greeting = parse_greeting("rdev-stub 1 " + kHash + " 6547432\n");
  ASSERT_TRUE(greeting) << greeting.error().message;
  EXPECT_EQ(greeting->agent_sha256, kHash);
  EXPECT_EQ(greeting->agent_size, 6547432U);
}

TEST(StubGreeting, ThatIsNoneIsRefused) {
  for (const std::string& line : std::initializer_list<std::string>{
           "", "rdev-stub 1 " + kHash + " 7", "rdev-stub 2 " + kHash + " 7\n",
           "rdev-stub 1 " + kHash + "\n", "rdev-stub 1 " + kHash + " \n",
           "rdev-stub 1 " + kHash + " -7\n", "rdev-stub 1 " + kHash + " 99999999999\n",
           "rdev-stub 1 " + std::string(64, 'A') + " 7\n", "rdev-stub 1 aa 7\n",
           "rdev-stub 1 " + kHash + " 7 x\n", std::string(200, 'x') + "\n"}) {
    EXPECT_FALSE(parse_greeting(line)) << line;
  }
}

// The other end of a connection, as a job would be.
class Meeting : public ::testing::Test {
 protected:
  Meeting() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    job_.assign({}, ends[1]);
    test::write_text(file_, agent_);
  }

  Result<Peer> meet_it() {
    const AgentFile find = [this](const std::string& hash) -> Result<std::filesystem::path> {
      asked_ = hash;
      return file_;
    };
    return test::run(loop_, meet(ours_.get(), find));
  }
  void says(const std::string& text) {
    EXPECT_EQ(::send(job_.native_handle(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  }
  std::string greeting() {
    return "rdev-stub 1 " + sha256_of(agent_).value() + " " + std::to_string(agent_.size()) + "\n";
  }
  // Takes as many bytes as the stub would, then answers.
  awaitable<void> take(std::string answer) {
    taken_.resize(agent_.size());
    co_await asio::async_read(job_, asio::buffer(taken_), use_tuple);
    co_await asio::async_write(job_, asio::buffer(answer), use_tuple);
  }
  // What nobody has taken from our end.
  std::string left() {
    std::string text(64, '\0');
    const ssize_t n = ::recv(ours_.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
  }

  asio::io_context loop_;
  test::TempDir dir_;
  base::Fd ours_;
  asio::local::stream_protocol::socket job_{loop_};
  const std::string agent_ = "the agent's bytes";
  const std::filesystem::path file_ = dir_.path() / "agent";
  std::string asked_, taken_;
};

TEST_F(Meeting, AnSshServerIsLeftAsItIs) {
  says("SSH-2.0-rdev\r\n");
  EXPECT_EQ(meet_it().value(), Peer::kAgent);
  EXPECT_EQ(left(), "SSH-2.0-rdev\r\n");
}

TEST_F(Meeting, TheStubGetsTheAgentItNames) {
  says(greeting());
  asio::co_spawn(loop_, take("ok\n"), asio::detached);
  const auto met = meet_it();
  ASSERT_TRUE(met) << met.error().message;
  EXPECT_EQ(*met, Peer::kPushed);
  EXPECT_EQ(taken_, agent_);
  EXPECT_EQ(asked_, sha256_of(agent_).value());
}

TEST_F(Meeting, NothingElseIsEverSent) {
  test::write_text(file_, "the agent's bytez");
  says(greeting());
  const auto met = meet_it();
  ASSERT_FALSE(met);
  EXPECT_THAT(met.error().message, HasSubstr("is not the agent that the job was made for"));
  char byte = 0;
  EXPECT_EQ(::recv(job_.native_handle(), &byte, 1, MSG_DONTWAIT), -1);
}

TEST_F(Meeting, WhatIsNeitherIsNamed) {
  const struct {
    const char *text, *said;
  } kCases[] = {{"HTTP/1.1 400 Bad Request\r\n", "neither the agent nor its stub: \"HTTP/1.1 400"},
                {"rdev-stub 2 x\n", "of another rdev: \"rdev-stub 2 x"},
                {"rdev-stub 1 nonsense\n", "of another rdev"}};
  for (const auto& test : kCases) {
    says(test.text);
    const auto met = meet_it();
    ASSERT_FALSE(met);
    EXPECT_THAT(met.error().message, HasSubstr(test.said));
  }
}

TEST_F(Meeting, WrongBytesAndAnEndAreFailures) {
  says(greeting());
  asio::co_spawn(loop_, take("wrong\n"), asio::detached);
  EXPECT_THAT(meet_it().error().message, HasSubstr("did not arrive as it was sent"));
  job_.close();
  EXPECT_EQ(meet_it().error().code, Code::kClosed);
}

}  // namespace
}  // namespace rdev::cluster::openpai
