#include "agent/process/reaper.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/run.h"

namespace rdev::process {
namespace {

awaitable<bool> childless(Reaper& reaper) {
  co_await reaper.childless();
  co_return true;
}

TEST(Reaper, TellsTheEndToAllWhoWaitAlsoAfterwards) {
  asio::io_context context;
  Reaper reaper(context.get_executor());
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::_exit(5);
  }
  const Child child = reaper.watch(pid);
  EXPECT_FALSE(child.ended());
  EXPECT_EQ(test::run(context, child.wait()).code, 5);
  EXPECT_EQ(test::run(context, child.wait()).code, 5);
  EXPECT_EQ(child.ended()->code, 5);
}

TEST(Reaper, CollectsOrphans) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  asio::io_context context;
  Reaper reaper(context.get_executor());
  int hold[2];
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::fork() == 0) {
      char byte = 0;
      ::close(hold[1]);
      (void)!::read(hold[0], &byte, 1);  // lives until the test lets go
      ::_exit(0);
    }
    ::_exit(0);
  }
  const Child child = reaper.watch(pid);
  EXPECT_EQ(test::run(context, child.wait()).code, 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0) << "the orphan is ours now";
  ::close(hold[0]);
  ::close(hold[1]);
  EXPECT_TRUE(test::run(context, childless(reaper)));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace rdev::process
