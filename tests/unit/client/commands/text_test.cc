#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/commands/command.h"
#include "client/commands/complete.h"
#include "client/commands/jobs.h"
#include "client/ui/tail.h"

namespace rdev::commands {
namespace {

using ::testing::HasSubstr;

TEST(Tail, KeepsTheLastLines) {
  ui::Tail tail(2);
  EXPECT_EQ(tail.text(), "");
  tail.add("a\nb");
  tail.add("b\nc\nd");
  EXPECT_EQ(tail.text(), "c\nd");
  tail.add("\n");
  EXPECT_EQ(tail.text(), "c\nd");
}

TEST(Tail, IsBounded) {
  ui::Tail tail(3);
  for (int i = 0; i < 1000; ++i) {
    tail.add(std::string(1000, 'x'));
  }
  EXPECT_LE(tail.text().size(), 3U * 4096U);
}

TEST(Completion, KnowsEveryCommandAndOption) {
  for (const Shell shell : {Shell::kBash, Shell::kZsh, Shell::kFish}) {
    const std::string script = completion_script(shell);
    for (const Command& command : command_table()) {
      EXPECT_THAT(script, HasSubstr(command.name));
    }
    EXPECT_THAT(script, HasSubstr("exit-with-command"));
    EXPECT_THAT(script, HasSubstr("rdev complete-jobs"));
    EXPECT_THAT(script, HasSubstr("rdev complete-clusters"));
    EXPECT_THAT(script, HasSubstr("insecure"));  // of a subcommand
  }
}

TEST(EndSentence, SaysWhy) {
  EXPECT_EQ(end_sentence("a", {.state = cluster::JobState::kGone, .exit_code = {}, .reason = {}}),
            "the job a is gone from its cluster");
  EXPECT_EQ(end_sentence("a", {.state = cluster::JobState::kEnded, .exit_code = 0, .reason = {}}),
            "the job a has ended");
  EXPECT_EQ(
      end_sentence("a", {.state = cluster::JobState::kEnded, .exit_code = 1, .reason = "why"}),
      "the job a has ended: why");
}

TEST(JobNameArgument, IsCheckedOnceAtTheEdge) {
  EXPECT_EQ(job_name("train").value(), "train");
  EXPECT_TRUE(job_name("").has_value());
  for (const char* bad : {"../x", "A", "-"}) {
    const auto name = job_name(bad);
    ASSERT_FALSE(name) << bad;
    EXPECT_EQ(name.error().code, Code::kUsage);
  }
}

}  // namespace
}  // namespace rdev::commands
