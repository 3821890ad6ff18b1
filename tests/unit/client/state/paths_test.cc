#include "client/state/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using test::Variable;
using ::testing::HasSubstr;

TEST(Paths, AreAllUnderRdevHome) {
  const Variable home("RDEV_HOME", "/srv/r/");
  const auto paths = find_paths();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->config, "/srv/r/config");
  EXPECT_EQ(paths->state, "/srv/r/state");
  EXPECT_EQ(paths->runtime, "/srv/r/run");
  EXPECT_EQ(paths->rdev_home, "/srv/r");
}

TEST(Paths, RelativeRdevHomeIsMadeAbsolute) {
  const Variable home("RDEV_HOME", "x/../y");
  const auto paths = find_paths();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->rdev_home, (std::filesystem::current_path() / "y").string());
}

TEST(Paths, SocketsOfALongRdevHomeGoWhereTheyFit) {
  const std::string home = "/" + std::string(100, 'x');
  const Variable rdev_home("RDEV_HOME", home.c_str());
  const Variable runtime("XDG_RUNTIME_DIR", "/run/user/7");
  const auto paths = find_paths();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->runtime, "/run/user/7/rdev");
}

TEST(Paths, FollowXdg) {
  const Variable rdev_home("RDEV_HOME", nullptr);
  const Variable home("HOME", "/home/u");
  const Variable config("XDG_CONFIG_HOME", "/c");
  const Variable state("XDG_STATE_HOME", "relative is ignored");
  const Variable runtime("XDG_RUNTIME_DIR", nullptr);
  const auto paths = find_paths();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->config, "/c/rdev");
  EXPECT_EQ(paths->state, "/home/u/.local/state/rdev");
  EXPECT_EQ(paths->runtime, "/tmp/rdev-" + std::to_string(::geteuid()));
  EXPECT_EQ(paths->rdev_home, "");
}

TEST(Paths, WithoutHomeAreAnErrorThatSaysWhatToDo) {
  const Variable rdev_home("RDEV_HOME", nullptr);
  const Variable home("HOME", nullptr);
  const Variable config("XDG_CONFIG_HOME", nullptr);
  const auto paths = find_paths();
  ASSERT_FALSE(paths);
  EXPECT_THAT(paths.error().message, HasSubstr("RDEV_HOME"));
}

TEST(Paths, AreFoundAgainByTheirVariables) {
  const Variable state("XDG_STATE_HOME", "/elsewhere");
  const Variable config("XDG_CONFIG_HOME", "/elsewhere");
  for (const char* home : {"/srv/r", ""}) {
    Paths paths;
    {
      const Variable rdev_home("RDEV_HOME", home);
      const Variable own_state("XDG_STATE_HOME", "/s");
      const Variable own_config("XDG_CONFIG_HOME", "/c");
      paths = find_paths().value();
    }
    const Variable other("RDEV_HOME", "/other");
    for (const auto& [name, value] : path_variables(paths)) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    EXPECT_EQ(find_paths().value().state, paths.state) << home;
    EXPECT_EQ(find_paths().value().config, paths.config) << home;
  }
}

TEST(SharedFile, ThatIsMissingNamesEveryPlace) {
  const auto found = find_shared_file("no-such-file");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kNotFound);
  EXPECT_THAT(found.error().message, HasSubstr("share/rdev/no-such-file"));
  EXPECT_THAT(found.error().message, HasSubstr("libexec/rdev/no-such-file"));
}

TEST(SharedFile, IsFoundBesideTheProgram) {
  const auto program = own_program();
  ASSERT_TRUE(program);
  const auto found = find_shared_file(program->filename().string());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, *program);
}

}  // namespace
}  // namespace rdev::state
