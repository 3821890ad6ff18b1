#include "agent/process/spare.h"

#include <gmock/gmock.h>

#include "agent/process/order.h"
#include "tests/unit/run.h"

namespace rdev::process {
namespace {

Command full_command() {
  return Command{.program = "/bin/echo",
                 .program_fd = 7,
                 .argv = {"echo", "", "two words", "line\nend"},
                 .environment = Environment({"A=1", "EMPTY=", "B=\xff"}),
                 .directory = "/tmp",
                 .identity = Identity{.uid = 4294967294U, .gid = 5, .groups = {1, 2, 3}},
                 .terminal = true};
}

TEST(Order, ArrivesAsItWasGiven) {
  const JobLimits limits{.files = rlimit{.rlim_cur = 1024, .rlim_max = RLIM_INFINITY},
                         .oom_score_adj = "-3\n"};
  const auto order = decode(encode(full_command(), limits));
  ASSERT_TRUE(order);
  const Command& command = order->command;
  EXPECT_EQ(command.program, "/bin/echo");
  EXPECT_GE(command.program_fd, 0);
  EXPECT_THAT(command.argv, testing::ElementsAre("echo", "", "two words", "line\nend"));
  EXPECT_THAT(command.environment.entries(), testing::ElementsAre("A=1", "EMPTY=", "B=\xff"));
  EXPECT_EQ(command.directory, "/tmp");
  ASSERT_TRUE(command.identity);
  EXPECT_EQ(command.identity->uid, 4294967294U);
  EXPECT_THAT(command.identity->groups, testing::ElementsAre(1, 2, 3));
  EXPECT_TRUE(command.terminal);
  ASSERT_TRUE(order->limits.files);
  EXPECT_EQ(order->limits.files->rlim_cur, 1024U);
  EXPECT_EQ(order->limits.files->rlim_max, RLIM_INFINITY);
  EXPECT_EQ(order->limits.oom_score_adj, "-3\n");
}

TEST(Order, ArrivesWithoutWhatItHasNot) {
  const auto order = decode(encode(Command{.program = "sh", .argv = {"sh"}}, {}));
  ASSERT_TRUE(order);
  EXPECT_EQ(order->command.program_fd, -1);
  EXPECT_FALSE(order->command.identity);
  EXPECT_FALSE(order->limits.files);
  EXPECT_FALSE(order->limits.oom_score_adj);
}

TEST(Order, CutOffOrTooLongIsNone) {
  const std::string whole = encode(full_command(), {});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode(whole + '\0'));
}

TEST(Spare, WithoutOneThereIsNothing) {
  asio::io_context context;
  Reaper reaper(context.get_executor());
  Spare spare(context.get_executor(), reaper, -1);
  EXPECT_FALSE(test::run(context, spare.become(full_command(), {}, 2)));
}

}  // namespace
}  // namespace rdev::process
