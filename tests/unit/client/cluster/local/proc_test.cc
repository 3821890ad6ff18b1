#include "client/cluster/local/proc.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include "tests/unit/client/temp_dir.h"

namespace rdev::cluster {
namespace {

TEST(ProcStat, SurvivesAnyCommandName) {
  const auto stat = parse_stat(
      "42 (a) b (c) R 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 "
      "18446744073709551615");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->id, (ProcessId{.pid = 42, .start_ticks = 12345}));
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->state, 'R');
  for (const char* bad : {"", "42", "42 (a)", "42 (a) R", "x (a) R 7 1 1 1 1"}) {
    EXPECT_FALSE(parse_stat(bad)) << bad;
  }
}

TEST(ProcessIdText, RoundTrips) {
  const ProcessId id{.pid = 42, .start_ticks = 12345};
  EXPECT_EQ(parse_process_id(to_text(id)), id);
  for (const char* bad : {"", "42", "42:", ":1", "x:1", "-1:1", "0:1", "42:1x"}) {
    EXPECT_FALSE(parse_process_id(bad)) << bad;
  }
}

TEST(Process, IsAliveUntilItEndsAndNeverTakenForAnother) {
  const auto self = stat_of(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_alive(self->id));
  EXPECT_TRUE(open_process(self->id));
  ProcessId earlier = self->id;
  earlier.start_ticks -= 1;
  EXPECT_FALSE(is_alive(earlier));
  EXPECT_FALSE(open_process(earlier));
  EXPECT_TRUE(send_signal(earlier, SIGKILL));  // goes nowhere, or this test would not end
  EXPECT_NEAR(static_cast<double>(started_unix_s(self->id)),
              static_cast<double>(std::time(nullptr)), 120);
}

TEST(Process, ZombieHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto stat = stat_of(child);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'Z');
  EXPECT_FALSE(is_alive(stat->id));
  ::waitpid(child, nullptr, 0);
}

TEST(Environment, IsSearchedByWholeNames) {
  const std::string block("AB=1\0A=2\0C\0D=", 13);
  EXPECT_EQ(find_variable(block, "A"), "2");
  EXPECT_EQ(find_variable(block, "AB"), "1");
  EXPECT_EQ(find_variable(block, "D"), "");
  EXPECT_EQ(find_variable(block, "C"), std::nullopt);
  EXPECT_EQ(find_variable("", "A"), std::nullopt);
}

}  // namespace
}  // namespace rdev::cluster
