#include "client/state/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using test::TempDir;
using ::testing::HasSubstr;

TEST(LongLivedKey, IsMadeOnceAndPrivate) {
  const TempDir dir;
  const Paths paths = dir.paths();
  const auto first = long_lived_key(paths);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = long_lived_key(paths);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(first->public_key(), second->public_key());
  EXPECT_EQ(test::mode_of(long_lived_key_file(paths)), 0600U);
  EXPECT_EQ(test::mode_of(paths.config), 0700U);
  EXPECT_EQ(test::read_text(long_lived_key_file(paths).string() + ".pub"),
            first->public_key().text() + " rdev\n");
}

TEST(LongLivedKey, PublicHalfComesBackAfterACrash) {
  const TempDir dir;
  const Paths paths = dir.paths();
  ASSERT_TRUE(long_lived_key(paths));
  const std::string half = long_lived_key_file(paths).string() + ".pub";
  std::filesystem::remove(half);
  ASSERT_TRUE(long_lived_key(paths));
  EXPECT_TRUE(std::filesystem::exists(half));
}

TEST(LongLivedKey, ThatIsDamagedIsNotReplaced) {
  const TempDir dir;
  const Paths paths = dir.paths();
  test::write_text(long_lived_key_file(paths), "not a key\n");
  const auto key = long_lived_key(paths);
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().message, HasSubstr("id_ed25519"));
  EXPECT_EQ(test::read_text(long_lived_key_file(paths)), "not a key\n");
}

}  // namespace
}  // namespace rdev::state
