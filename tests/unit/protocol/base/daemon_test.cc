#include "protocol/base/daemon.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "protocol/base/file.h"
#include "tests/unit/agent/temporary.h"
#include "tests/unit/run.h"

namespace rdev::base {
namespace {

using testing::HasSubstr;

class Daemon : public testing::Test {
 protected:
  Result<void> start(const std::string& script) {
    return test::run(context_, start_daemon({.program = "/bin/sh",
                                             .arguments = {"-c", script},
                                             .variables = {{"WHAT", "a b"}},
                                             .log = log_}));
  }
  std::string log() { return read_file(log_, 4096).value_or(""); }

  asio::io_context context_{1};
  test::Temporary directory_;
  std::filesystem::path log_ = directory_ / "log";
};

TEST_F(Daemon, IsReadyWhenItSaysSo) {
  const auto started = start("printf R >&3; exec sleep 0");
  EXPECT_TRUE(started) << started.error().message;
}

TEST_F(Daemon, TellsItsOwnError) {
  const auto started = start("printf '\\002no such job' >&3");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kNotFound);
  EXPECT_THAT(started.error().message, HasSubstr("no such job"));
}

TEST_F(Daemon, ThatDiesAtOnceIsAnErrorThatNamesItsLog) {
  const auto started = start("echo oops >&2; exit 3");
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr(log_.string()));
  EXPECT_EQ(log(), "oops\n");
}

TEST_F(Daemon, NeedsAProgram) {
  const auto started = test::run(
      context_, start_daemon({.program = directory_ / "nothing", .arguments = {}, .log = log_}));
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("No such file"));
}

TEST_F(Daemon, StandsOnItsOwn) {
  const auto started = start("[ $PPID -ne " + std::to_string(::getpid()) +
                             " ] && echo no child; pwd; echo \"$WHAT\"; ls /proc/self/fd | wc -w; "
                             "[ $(cut -d' ' -f6 /proc/$$/stat) -ne " +
                             std::to_string(::getsid(0)) + " ] && echo own session; printf R >&3");
  ASSERT_TRUE(started) << started.error().message;
  // 0, 1, 2, the pipe, and what ls reads.
  EXPECT_EQ(log(), "no child\n/\na b\n5\nown session\n");
}

}  // namespace
}  // namespace rdev::base
