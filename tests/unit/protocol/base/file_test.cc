#include "protocol/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/base/log.h"

namespace rdev::base {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  ~File() override { fs::remove_all(dir); }
  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  std::string pattern = (fs::temp_directory_path() / "fileXXXXXX").string();
  fs::path dir = ::mkdtemp(pattern.data());
};

TEST_F(File, ReadsUpToItsBound) {
  ASSERT_TRUE(write_file_atomic(dir / "f", "12345", 0600));
  EXPECT_EQ(read_file(dir / "f", 5).value(), "12345");
  EXPECT_EQ(read_file(dir / "f", 4).error().code, Code::kLimit);
  EXPECT_EQ(read_file(dir / "none", 4).error().code, Code::kNotFound);
}

TEST_F(File, ReplacesInOneStepAndLeavesNothingBehind) {
  ASSERT_TRUE(write_file_atomic(dir / "f", "old", 0644));
  ASSERT_TRUE(write_file_atomic(dir / "f", "new", 0600));
  EXPECT_EQ(read_file(dir / "f", 100).value(), "new");
  EXPECT_EQ(mode_of(dir / "f"), 0600u);
  fs::create_directory(dir / "d");
  EXPECT_FALSE(write_file_atomic(dir / "d", "onto a directory", 0600));
  EXPECT_FALSE(write_file_atomic(dir / "no" / "f", "x", 0600));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir), {}), 2);
}

TEST_F(File, PrivateDirectoryIsOursAndClosed) {
  ASSERT_TRUE(make_private_dir(dir / "a" / "b"));
  EXPECT_EQ(mode_of(dir / "a" / "b"), 0700u);
  fs::permissions(dir / "a" / "b", fs::perms(0777));
  ASSERT_TRUE(make_private_dir(dir / "a" / "b"));
  EXPECT_EQ(mode_of(dir / "a" / "b"), 0700u);
  fs::create_symlink(dir / "a", dir / "link");
  EXPECT_FALSE(make_private_dir(dir / "link"));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((dir / "a").c_str(), 12345, 12345), 0);
    EXPECT_EQ(make_private_dir(dir / "a").error().code, Code::kPermission);
  }
}

TEST_F(File, TheSecondLockIsRefusedUntilTheFirstGoes) {
  auto first = lock_file(dir / "lock", LockWait::kTry);
  ASSERT_TRUE(first);
  EXPECT_EQ(lock_file(dir / "lock", LockWait::kTry).error().code, Code::kExists);
  first->reset();
  EXPECT_TRUE(lock_file(dir / "lock", LockWait::kTry));
}

TEST(Fd, ClosesOnceAndMoves) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd reader(ends[0]);
  {
    Fd writer(ends[1]);
    Fd moved(std::move(writer));
    EXPECT_FALSE(writer);  // NOLINT(bugprone-use-after-move): that is the question
    EXPECT_EQ(moved.get(), ends[1]);
  }
  char byte;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0);  // the writing end is closed
}

TEST(Log, ControlBytesOfAPeerDoNotReachTheTerminal) {
  testing::internal::CaptureStderr();
  log_info("login", {{"user", "a\x1b[31m\nb"}, {"why", "with blanks and \"quotes\""}, {"n", 7}});
  set_log_level(LogLevel::kWarning);
  log_info("silent");
  set_log_level(LogLevel::kInfo);
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("login user=a?[31m?b why=\"with blanks and \\\"quotes\\\"\" n=7\n"),
            std::string::npos)
      << line;
  EXPECT_EQ(line.find("silent"), std::string::npos);
}

TEST(FailErrno, KeepsWhatItMeans) {
  EXPECT_EQ(fail_errno("x", ENOENT).value().code, Code::kNotFound);
  EXPECT_EQ(fail_errno("open it", EACCES).value().message, "open it: Permission denied");
  EXPECT_EQ(prefix("while here", Error{Code::kLimit, "too much"}).value().message,
            "while here: too much");
}

}  // namespace
}  // namespace rdev::base
