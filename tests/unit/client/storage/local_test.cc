#include "client/storage/local.h"

#include <gtest/gtest.h>

#include <fstream>

#include "protocol/base/file.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::storage {
namespace {

namespace fs = std::filesystem;

class Local : public testing::Test {
 protected:
  std::shared_ptr<LocalFolder> folder() { return LocalFolder::open(dir_.path()).value(); }
  LocalPart part(const std::string& version, std::uint64_t bytes = 4) {
    return LocalPart::open(folder(), "f", {.name = "f", .bytes = bytes, .version = version})
        .value();
  }
  std::string text(const char* name) {
    return base::read_file(dir_.path() / name, 100).value_or("none");
  }

  test::TempDir dir_;
};

TEST_F(Local, APartIsTakenUp) {
  ASSERT_TRUE(part("v1").append("ab"));
  LocalPart again = part("v1");
  EXPECT_EQ(again.offset(), 2U);
  EXPECT_FALSE(again.finish());
  ASSERT_TRUE(again.append("cd"));
  ASSERT_TRUE(again.finish());
  EXPECT_EQ(text("f"), "abcd");
  EXPECT_FALSE(fs::exists(dir_.path() / "f.rdev-part"));
  EXPECT_FALSE(fs::exists(dir_.path() / "f.rdev-part-of"));
}

TEST_F(Local, AChangedSourceStartsAnew) {
  ASSERT_TRUE(part("v1").append("ab"));
  EXPECT_EQ(part("v2").offset(), 0U);
  ASSERT_TRUE(part("v2").append("ab"));
  EXPECT_EQ(part("v2", 5).offset(), 0U);
}

TEST_F(Local, MoreThanTheFileHasIsRefused) {
  LocalPart one = part("v1");
  EXPECT_FALSE(one.append("abcde"));
}

TEST_F(Local, TwoDoNotWriteOneFile) {
  const LocalPart first = part("v1");
  const auto second = LocalPart::open(folder(), "f", {.name = "f", .bytes = 4, .version = "v1"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
}

TEST_F(Local, NothingOutsideIsWritten) {
  const fs::path outside = dir_.path() / "outside";
  const fs::path target = dir_.path() / "target";
  fs::create_directories(outside);
  fs::create_directories(target);
  fs::create_symlink(outside, target / "link");
  fs::create_symlink(outside / "x", target / "f.rdev-part");
  const auto in = LocalFolder::open(target).value();
  for (const char* name : {"..", ".", "", "a/b", "link"}) {
    EXPECT_FALSE(in->subfolder(name)) << name;
  }
  for (const char* name : {"..", "../x", "", "f"}) {
    EXPECT_FALSE(LocalPart::open(in, name, {.name = name, .bytes = 1})) << name;
  }
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(Local, ASourceThatChangesIsNoticed) {
  std::ofstream(dir_.path() / "s") << "abc";
  const auto file = open_local(dir_.path() / "s");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->check_unchanged());
  std::ofstream(dir_.path() / "s") << "abcd";
  EXPECT_FALSE(file->check_unchanged());
  EXPECT_FALSE(open_local(dir_.path()));
}

}  // namespace
}  // namespace rdev::storage
