#include "client/commands/unpack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "client/sshconfig/quote.h"
#include "protocol/base/file.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/run.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

class Unpacks : public ::testing::Test {
 protected:
  // What these lines of a shell make, packed.
  std::string packed(const std::string& script, const std::string& what = "out") {
    const fs::path place = dir_.path() / "job";
    fs::remove_all(place);
    fs::create_directories(place);
    const std::string line = "cd " + sshconfig::shell_quote(place.string()) + " && { " + script +
                             "; } && tar -cPf ../archive " + what;
    EXPECT_EQ(std::system(line.c_str()), 0);
    return base::read_file(dir_.path() / "archive", 1U << 20U).value_or("");
  }

  Result<Unpacked> unpack(const std::string& archive, const std::string& name = "out") {
    fs::create_directories(here_);
    asio::io_context context;
    return test::run(context, unpacking(archive, name));
  }

  std::string text(const fs::path& path) {
    return base::read_file(here_ / path, 1024).value_or("none");
  }
  void write(const fs::path& path, const std::string& content) {
    fs::create_directories((here_ / path).parent_path());
    std::ofstream(here_ / path) << content;
  }
  bool nothing_else_than(std::size_t entries) {
    return std::distance(fs::directory_iterator(here_), fs::directory_iterator()) ==
           static_cast<std::ptrdiff_t>(entries);
  }

  awaitable<Result<Unpacked>> unpacking(const std::string& archive, const std::string& name) {
    auto begun = Unpacking::begin(co_await asio::this_coro::executor, here_);
    if (!begun) {
      co_return tl::make_unexpected(begun.error());
    }
    const auto written = co_await begun->write(archive);
    co_return written ? begun->finish(name) : tl::make_unexpected(written.error());
  }

  test::TempDir dir_;
  fs::path here_ = dir_.path() / "here";
};

TEST_F(Unpacks, OverWhatIsThere) {
  write("out/old", "stays");
  write("out/sub/a", "before");
  const auto came =
      unpack(packed("mkdir -p out/sub out/new; echo 12345 >out/sub/a; ln -s a out/l"));
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(came->files, 2U);
  EXPECT_EQ(came->bytes, 6U);
  EXPECT_EQ(text("out/old"), "stays");
  EXPECT_EQ(text("out/sub/a"), "12345\n");
  EXPECT_TRUE(fs::is_directory(here_ / "out/new"));
  EXPECT_EQ(fs::read_symlink(here_ / "out/l"), "a");
  EXPECT_TRUE(nothing_else_than(1));
}

TEST_F(Unpacks, NeverThroughALink) {
  const fs::path outside = dir_.path() / "outside";
  fs::create_directories(outside);
  fs::create_directories(here_ / "out");
  fs::create_directory_symlink(outside, here_ / "out/x");
  const auto came = unpack(packed("mkdir -p out/x; echo bad >out/x/file"));
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().code, Code::kExists);
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(nothing_else_than(1));
  // A file takes the link's place, not that of what it leads to.
  std::ofstream(outside / "kept") << "kept";
  write("r", "");
  fs::remove(here_ / "r");
  fs::create_symlink(outside / "kept", here_ / "r");
  ASSERT_TRUE(unpack(packed("echo new >r", "r"), "r"));
  EXPECT_EQ(text("r"), "new\n");
  EXPECT_EQ(base::read_file(outside / "kept", 10).value_or(""), "kept");
}

TEST_F(Unpacks, NoFolderForAFile) {
  write("out/a/b", "x");
  const auto came = unpack(packed("mkdir out; echo y >out/a"));
  ASSERT_FALSE(came);
  EXPECT_NE(came.error().message.find("is a folder here, in the job it is none"),
            std::string::npos);
  EXPECT_EQ(text("out/a/b"), "x");
}

TEST_F(Unpacks, NoRightsNoDevicesNothingElse) {
  const auto came = unpack(packed(
      "mkdir -p out/locked; echo >out/tool; chmod 6755 out/tool; mkfifo out/pipe; echo >other; "
      "echo >out/locked/f; chmod 2555 out/locked",
      "out other"));
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(came->files, 2U);
  EXPECT_EQ(came->left_out, 1U);
  struct stat tool{};
  ASSERT_EQ(::stat((here_ / "out/tool").c_str(), &tool), 0);
  EXPECT_EQ(tool.st_mode & 07777U, 0755U);
  EXPECT_FALSE(fs::exists(here_ / "out/pipe"));
  EXPECT_TRUE(nothing_else_than(1));
}

TEST_F(Unpacks, NothingOutsideOfItsPlace) {
  EXPECT_FALSE(unpack(packed("mkdir out; echo >out/a; echo bad >../evil", "out ../evil")));
  EXPECT_TRUE(nothing_else_than(0));
}

TEST_F(Unpacks, ACutOneIsNotThere) {
  const std::string archive = packed("mkdir out; head -c 50000 /dev/zero >out/a");
  const auto came = unpack(archive.substr(0, 20000));
  ASSERT_FALSE(came);
  EXPECT_NE(came.error().message.find("tar could not unpack it"), std::string::npos);
  EXPECT_TRUE(nothing_else_than(0));
  EXPECT_FALSE(unpack("this is no archive, and longer than nothing"));
  EXPECT_TRUE(nothing_else_than(0));
}

TEST_F(Unpacks, NotTheFileThatWasAskedFor) {
  EXPECT_FALSE(unpack(packed("echo >other", "other")));
  EXPECT_TRUE(nothing_else_than(0));
}

}  // namespace
}  // namespace rdev::commands
