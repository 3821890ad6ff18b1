#include "agent/process/accounts.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/agent/temporary.h"

namespace rdev::process {
namespace {

namespace fs = std::filesystem;

class Accounts : public testing::Test {
 protected:
  std::string directory(const std::string& name) {
    fs::create_directories(root_ / name);
    return (root_ / name).string();
  }
  std::string program(const std::string& name) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "#!";
    fs::permissions(root_ / name, fs::perms::owner_all | fs::perms::others_exec);
    return (root_ / name).string();
  }
  std::string missing(const std::string& name) const { return (root_ / name).string(); }

  const test::Temporary temporary_;
  const fs::path root_ = temporary_ / "";
};

TEST_F(Accounts, HomeIsThePasswdEntrysWhenItCanBeWritten) {
  const Account account{.home = directory("entry"), .has_entry = true};
  EXPECT_EQ(choose_home(account, {.job_home = directory("job")}), account.home);
}

TEST_F(Accounts, HomeIsTheJobsWithoutAnEntrysThatCanBeWritten) {
  const Account account{.home = missing("gone"), .has_entry = true};
  EXPECT_EQ(choose_home(account, {.job_home = directory("job"), .fallback = missing("f")}),
            directory("job"));
  EXPECT_FALSE(fs::exists(missing("f")));
}

TEST_F(Accounts, HomeFallsBackToAPrivateDirectory) {
  // /proc cannot be written, not by root either.
  const std::string home =
      choose_home(Account{}, {.job_home = "/proc/sys", .fallback = missing("deep/home")});
  EXPECT_EQ(home, missing("deep/home"));
  struct stat status{};
  ASSERT_EQ(::stat(home.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(Accounts, HomeIsNamedWhenNoneCanBeWritten) {
  EXPECT_EQ(choose_home(Account{.home = "/gone/a"}, {.job_home = "/gone/b"}), "/gone/a");
  EXPECT_EQ(choose_home(Account{}, {.job_home = "/gone/b"}), "/gone/b");
  EXPECT_EQ(choose_home(Account{}, {.fallback = "/proc/none"}), "/");
}

TEST_F(Accounts, HomeOfAnotherUserIsThatUsersOnly) {
  const HomeRule rule{.own = false, .job_home = directory("job"), .fallback = directory("f")};
  EXPECT_EQ(choose_home(Account{.home = "/gone"}, rule), "/gone");
  EXPECT_EQ(choose_home(Account{}, rule), "/");
}

TEST_F(Accounts, ShellIsThePasswdEntrys) {
  const auto shell = choose_shell(Account{.shell = program("fish")}, true, directory("bin"));
  ASSERT_TRUE(shell);
  EXPECT_EQ(shell->path, missing("fish"));
  EXPECT_EQ(shell->name, "fish");
}

TEST_F(Accounts, ShellIsTheFirstInPath) {
  program("one/busybox");
  program("two/bash");
  const std::string path = missing("one") + ":" + missing("two");
  const auto shell = choose_shell(Account{.shell = missing("gone")}, true, path);
  ASSERT_TRUE(shell);
  EXPECT_EQ(shell->path, missing("two/bash"));
}

TEST_F(Accounts, BusyboxIsCalledSh) {
  const auto shell = choose_shell(Account{.shell = program("busybox")}, true, "");
  ASSERT_TRUE(shell);
  EXPECT_EQ(shell->name, "sh");
}

TEST_F(Accounts, NologinLocksOthersButNotTheAgentsOwnUser) {
  const Account account{.shell = program("nologin")};
  program("bin/bash");
  EXPECT_EQ(choose_shell(account, false, missing("bin"))->name, "nologin");
  EXPECT_EQ(choose_shell(account, true, missing("bin"))->name, "bash");
}

TEST(OwnAccount, NamesItselfWithoutAnEntry) {
  const Account account = own_account(Environment({"USER=somebody"}));
  EXPECT_EQ(account.uid, ::geteuid());
  EXPECT_FALSE(account.name.empty());
}

TEST(FindAccount, KnowsRootAndNobodyElse) {
  const auto root = find_account("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0U);
  EXPECT_THAT(groups_of(*root), testing::Contains(0));
  EXPECT_FALSE(find_account("no-such-user-here"));
}

TEST(LoginAccount, IsTheAgentsOwnOrForRootAnyones) {
  const Account own{.name = "alice", .uid = 1000, .gid = 1000};
  EXPECT_EQ(login_account("alice", own)->uid, 1000U);
  EXPECT_EQ(login_account("rdev", own)->name, "alice");
  EXPECT_FALSE(login_account("root", own));
  EXPECT_FALSE(login_account("", own));
  const Account root{.name = "toor", .uid = 0};
  EXPECT_EQ(login_account("rdev", root)->name, "toor");
  EXPECT_EQ(login_account("root", root)->name, "root");
  EXPECT_EQ(login_account("nobody", root)->name, "nobody");
  EXPECT_FALSE(login_account("no-such-user-here", root));
}

}  // namespace
}  // namespace rdev::process
