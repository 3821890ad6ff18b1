#include "client/commands/session_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::commands {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::vector<std::string> env_of(const Session& session) {
  return {session.env().begin(), session.env().end()};
}

TEST(SessionRequest, HasTheWordsAsTheyAre) {
  const auto session = session_request({.argv = {"printf", "%s", "", "a b", "\xff"}});
  ASSERT_TRUE(session);
  EXPECT_EQ(session->kind(), Session::EXEC);
  EXPECT_THAT(session->argv(), ElementsAre("printf", "%s", "", "a b", "\xff"));
  EXPECT_FALSE(session->has_terminal());
}

TEST(SessionRequest, IsForTheLoginShellWithoutWords) {
  const test::Variable term("TERM", "tmux-256color");
  const auto session = session_request({.user = "lab", .terminal = true});
  ASSERT_TRUE(session);
  EXPECT_EQ(session->kind(), Session::SHELL);
  EXPECT_EQ(session->user(), "lab");
  EXPECT_EQ(session->terminal().term(), "tmux-256color");
  EXPECT_GT(session->terminal().columns(), 0U);
  EXPECT_GT(session->terminal().rows(), 0U);
}

TEST(SessionRequest, HasAUsualTerminalWhereThereIsNone) {
  const test::Variable term("TERM", nullptr);
  const auto session = session_request({.argv = {"x"}, .terminal = true});
  ASSERT_TRUE(session);
  EXPECT_EQ(session->terminal().term(), "xterm");
}

TEST(SessionEnv, PassesOnWhatSshDoes) {
  const test::Variable lang("LANG", "C.UTF-8");
  const test::Variable time("LC_TIME", "de_DE.UTF-8");
  const test::Variable color("COLORTERM", "truecolor");
  const test::Variable secret("AWS_SECRET", "x");
  const auto piped = session_env({}, false);
  ASSERT_TRUE(piped);
  EXPECT_THAT(*piped, Contains("LANG=C.UTF-8"));
  EXPECT_THAT(*piped, Contains("LC_TIME=de_DE.UTF-8"));
  EXPECT_THAT(*piped, Not(Contains("COLORTERM=truecolor")));
  EXPECT_THAT(*piped, Not(Contains("AWS_SECRET=x")));
  EXPECT_THAT(session_env({}, true).value(), Contains("COLORTERM=truecolor"));
}

TEST(SessionEnv, PutsWhatIsGivenLast) {
  const test::Variable lang("LANG", "C");
  const test::Variable own("OWN", "a=b\n");
  const test::Variable unset("UNSET", nullptr);
  const auto session =
      session_request({.argv = {"x"}, .env = {"LANG=mine", "EMPTY=", "OWN", "UNSET"}});
  ASSERT_TRUE(session);
  auto env = env_of(*session);
  ASSERT_GE(env.size(), 3U);
  EXPECT_THAT(std::vector(env.end() - 3, env.end()),
              ElementsAre("LANG=mine", "EMPTY=", "OWN=a=b\n"));
}

TEST(SessionEnv, RefusesWhatIsNoName) {
  for (const char* bad : {"", "=x"}) {
    const auto env = session_env({bad}, false);
    ASSERT_FALSE(env) << bad;
    EXPECT_EQ(env.error().code, Code::kUsage);
  }
}

}  // namespace
}  // namespace rdev::commands
