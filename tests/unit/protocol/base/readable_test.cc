#include "protocol/base/readable.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "protocol/base/with_timeout.h"
#include "tests/unit/run.h"

namespace rdev::base {
namespace {

using namespace std::chrono_literals;

TEST(Readable, AProcessIsWhenItHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  ASSERT_TRUE(process);
  asio::io_context context;
  const auto wait = [&] {
    return test::run(context,
                     with_timeout(wait_readable(Fd(::dup(process.get()))), 50ms, "waiting"));
  };
  EXPECT_FALSE(is_readable(process.get()));
  EXPECT_EQ(wait().error().code, Code::kTimeout);
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(is_readable(process.get()));
  EXPECT_TRUE(wait());
}

}  // namespace
}  // namespace rdev::base
