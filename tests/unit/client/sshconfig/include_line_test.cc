#include "client/sshconfig/include_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>
#include <vector>

#include "tests/unit/client/temp_dir.h"

namespace rdev::sshconfig {
namespace {

using test::read_text;
using test::TempDir;
using test::write_text;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kLine[] = "Include \"/s/ssh.d/*.conf\"";

TEST(IncludeLine, NamesTheDirectoryAsAGlobThatMeansIt) {
  state::Paths paths;
  paths.state = "/my [odd]* dir?";
  const auto line = include_line(paths);
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(*line, "Include \"/my [[]odd][*] dir[?]/ssh.d/*.conf\"");
}

TEST(IncludeLine, ComesFirstAndLeavesTheRestAlone) {
  for (const std::string before :
       {"", "Host x\n  User y", "\xef\xbb\xbf# bom\r\nHost x\r\n", "# only a comment\n\n\n"}) {
    const std::string after = add_include(before, kLine);
    EXPECT_TRUE(has_include(after, kLine));
    EXPECT_THAT(after, StartsWith("# The jobs of rdev"));
    EXPECT_TRUE(after.ends_with(before));
    EXPECT_EQ(add_include(after, kLine), after);
    EXPECT_EQ(remove_include(after, kLine), before);
  }
}

TEST(IncludeLine, AfterAHostDoesNotCount) {
  for (const std::string block : {"Host a\n", "  match all\n", "HOST=b\n"}) {
    const std::string before = block + kLine + "\nUser x\n";
    EXPECT_FALSE(has_include(before, kLine)) << block;
    const std::string after = add_include(before, kLine);
    EXPECT_TRUE(has_include(after, kLine));
    EXPECT_TRUE(after.ends_with(block + "User x\n")) << after;
  }
}

TEST(IncludeLine, MayStandAnywhereBeforeTheFirstHost) {
  const std::string text = std::string("HostKeyAlgorithms x\n\n ") + kLine + "\nHost a\n";
  EXPECT_TRUE(has_include(text, kLine));
  EXPECT_EQ(add_include(text, kLine), text);
}

TEST(IncludeLine, OfAnotherRdevHomeStays) {
  const std::string other = "Include \"/other/ssh.d/*.conf\"";
  const std::string both = add_include(add_include("Host a\n", other), kLine);
  EXPECT_TRUE(has_include(both, other));
  EXPECT_EQ(remove_include(both, kLine), add_include("Host a\n", other));
}

TEST(IncludeFile, IsMadeWithItsDirectory) {
  const TempDir dir;
  const auto file = dir.path() / ".ssh" / "config";
  ASSERT_EQ(is_installed(file, kLine).value(), false);
  const auto installed = install(file, kLine);
  ASSERT_TRUE(installed) << installed.error().message;
  EXPECT_EQ(*installed, Change::kChanged);
  EXPECT_EQ(test::mode_of(file), 0600U);
  EXPECT_EQ(test::mode_of(file.parent_path()), 0700U);
  EXPECT_EQ(is_installed(file, kLine).value(), true);
  EXPECT_EQ(install(file, kLine).value(), Change::kNone);
}

TEST(IncludeFile, KeepsModeAndFollowsALink) {
  const TempDir dir;
  const auto real = dir.path() / "dotfiles" / "ssh_config";
  write_text(real, "Host a\n");
  ASSERT_EQ(::chmod(real.c_str(), 0640), 0);
  const auto file = dir.path() / ".ssh" / "config";
  std::filesystem::create_directory(file.parent_path());
  std::filesystem::create_symlink("../dotfiles/ssh_config", file);
  ASSERT_TRUE(install(file, kLine));
  EXPECT_TRUE(std::filesystem::is_symlink(file));
  EXPECT_THAT(read_text(real), HasSubstr(kLine));
  EXPECT_EQ(test::mode_of(real), 0640U);
  ASSERT_TRUE(uninstall(file, kLine));
  EXPECT_EQ(read_text(real), "Host a\n");
}

TEST(IncludeFile, UninstallNeedsNothing) {
  const TempDir dir;
  const auto file = dir.path() / ".ssh" / "config";
  EXPECT_EQ(uninstall(file, kLine).value(), Change::kNone);
  EXPECT_FALSE(std::filesystem::exists(file.parent_path()));
}

TEST(IncludeFile, ManyAtOnceLoseNothing) {
  const TempDir dir;
  const auto file = dir.path() / ".ssh" / "config";
  write_text(file, "Host a\n");
  std::vector<std::thread> threads;
  threads.reserve(16);
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&file, i] {
      const std::string line = "Include \"/s" + std::to_string(i) + "/*.conf\"";
      EXPECT_TRUE(install(file, line));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int i = 0; i < 16; ++i) {
    EXPECT_TRUE(has_include(read_text(file), "Include \"/s" + std::to_string(i) + "/*.conf\""));
  }
  EXPECT_TRUE(read_text(file).ends_with("Host a\n"));
}

}  // namespace
}  // namespace rdev::sshconfig
