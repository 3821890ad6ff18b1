#include "agent/services/agent_forwards.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <list>

#include "agent/services/agent_socket.h"
#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/stream/fake.h"
#include "tests/unit/agent/temporary.h"
#include "tests/unit/run.h"

namespace rdev::services {
namespace {

using local = asio::local::stream_protocol;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

mode_t mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST(AgentSocket, IsPrivateAndGoesWithItsDirectory) {
  const test::Temporary place;
  std::string path;
  {
    const auto socket = AgentSocket::open({(place / "").string()}, ::geteuid(), ::getegid());
    ASSERT_TRUE(socket) << socket.error().message;
    path = socket->path();
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_EQ(mode_of(std::filesystem::path(path).parent_path()), 0700U);
  }
  EXPECT_TRUE(std::filesystem::is_empty(place / ""));
}

TEST(AgentSocket, TakesTheFirstPlaceThatWorks) {
  const test::Temporary place;
  const std::string too_long = (place / std::string(100, 'x')).string();
  std::filesystem::create_directory(too_long);
  const auto socket = AgentSocket::open({"/does/not/exist", too_long, (place / "").string()},
                                        ::geteuid(), ::getegid());
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(too_long));
  const auto none = AgentSocket::open({"/does/not/exist"}, ::geteuid(), ::getegid());
  EXPECT_THAT(none.error().message, HasSubstr("/does/not/exist"));
}

awaitable<bool> stopped(AgentForwards& agents) {
  co_await agents.stop();
  co_return true;
}

awaitable<std::string> read_end(local::socket& socket) {
  std::string text;
  co_await asio::async_read(socket, asio::dynamic_buffer(text), use_tuple);
  co_return text;
}

awaitable<bool> answer(stream::Stream& stream, std::string_view text) {
  const bool written = (co_await stream.write(asio::buffer(text))).has_value();
  stream.write_eof();
  co_return written;
}

class Lending : public testing::Test {
 protected:
  Lending() { base::set_log_level(base::LogLevel::kOff); }
  ~Lending() override {
    opened_.clear();
    test::run(context_, stopped(agents_));
    base::set_log_level(base::LogLevel::kInfo);
  }
  static process::Account account() {
    return {.name = "alice", .uid = ::geteuid(), .gid = ::getegid(), .home = "/", .shell = ""};
  }
  // A connection of this name lends its agent.
  std::shared_ptr<void> lend(const std::string& name) {
    auto loan = agents_.lend("alice", [this, name](const Originator&) { return open(name); });
    EXPECT_TRUE(loan) << loan.error().message;
    return *loan;
  }
  awaitable<Result<std::unique_ptr<stream::Stream>>> open(std::string name) {
    asked_.push_back(name);
    base::Notify answer(context_.get_executor());
    while (name == silent_) {
      co_await answer.wait();
    }
    if (name == refuses_) {
      co_return fail(Code::kUnavailable, "no agent");
    }
    auto [ours, theirs] = stream::make_pair(context_.get_executor());
    opened_.push_back(std::move(ours));
    co_return std::move(theirs);
  }
  // Connects; what comes back, once all of it is there. The agent says its name.
  std::string use(const std::string& path) {
    asked_.clear();
    const std::size_t before = opened_.size();
    local::socket socket(context_);
    socket.connect(local::endpoint(path));
    poll();
    if (opened_.size() > before) {
      EXPECT_TRUE(test::run(context_, answer(*opened_.back(), asked_.back())));
    }
    return test::run(context_, read_end(socket));
  }
  void poll() {
    context_.restart();
    context_.poll();
  }

  const test::Temporary place_;
  asio::io_context context_;
  AgentForwards agents_{context_.get_executor(),
                        account(),
                        (place_ / "").string(),
                        {},
                        std::chrono::milliseconds(200)};
  std::list<std::unique_ptr<stream::Stream>> opened_;
  std::vector<std::string> asked_;
  std::string refuses_, silent_;
};

TEST_F(Lending, TheNewestLivingConnectionHasTheSocket) {
  EXPECT_EQ(agents_.path("alice"), std::nullopt);
  auto first = lend("first");
  const std::string path = *agents_.path("alice");
  EXPECT_THAT(path, StartsWith((place_ / "").string()));
  auto second = lend("second");
  EXPECT_EQ(agents_.path("alice"), path);
  EXPECT_EQ(use(path), "second");
  auto third = lend("third");
  second.reset();
  EXPECT_EQ(use(path), "third");
  third.reset();
  EXPECT_EQ(use(path), "first");
  first.reset();
  EXPECT_EQ(use(path), "");
  EXPECT_THAT(asked_, IsEmpty());
  const auto fourth = lend("fourth");
  EXPECT_EQ(use(path), "fourth");
}

TEST_F(Lending, WhatWasCleanedAwayIsMadeAgain) {
  const auto loan = lend("first");
  const std::string path = *agents_.path("alice");
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
  const std::string again = *agents_.path("alice");
  EXPECT_NE(again, path);
  EXPECT_EQ(use(again), "first");
  std::filesystem::remove(again);
  std::filesystem::create_symlink(path, again);
  const auto second = lend("second");
  EXPECT_EQ(use(*agents_.path("alice")), "second");
}

TEST_F(Lending, OneThatRefusesGivesWay) {
  const auto first = lend("first");
  const auto second = lend("second");
  refuses_ = "second";
  EXPECT_EQ(use(*agents_.path("alice")), "first");
  EXPECT_THAT(asked_, ElementsAre("second", "first"));
  refuses_ = "first";
  EXPECT_EQ(use(*agents_.path("alice")), "second");
}

TEST_F(Lending, OneThatDoesNotAnswerGivesWayInTime) {
  const auto first = lend("first");
  const auto second = lend("second");
  silent_ = "second";
  refuses_ = "first";
  EXPECT_EQ(use(*agents_.path("alice")), "");
  EXPECT_THAT(asked_, ElementsAre("second", "first"));
}

TEST_F(Lending, AllThatRefuseCloseTheConnection) {
  const auto only = lend("only");
  refuses_ = "only";
  EXPECT_EQ(use(*agents_.path("alice")), "");
  EXPECT_THAT(asked_, ElementsAre("only"));
}

TEST_F(Lending, NobodyElseIsServed) {
  const auto refused = agents_.lend("nobody-of-that-name", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(agents_.path("nobody-of-that-name"), std::nullopt);
}

TEST_F(Lending, ALoanMayOutliveTheSockets) {
  auto loan = lend("late");
  test::run(context_, stopped(agents_));
  EXPECT_TRUE(std::filesystem::is_empty(place_ / ""));
  loan.reset();
}

TEST(DeniedAgents, AreNotLent) {
  asio::io_context context;
  AgentForwards agents(context.get_executor(), {}, "", {.agent = true});
  const auto refused = agents.lend("rdev", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_THAT(refused.error().message, HasSubstr("denies agent forwarding"));
}

}  // namespace
}  // namespace rdev::services
