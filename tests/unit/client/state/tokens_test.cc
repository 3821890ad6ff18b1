#include "client/state/tokens.h"

#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

TEST(Tokens, AreKeptPrivateAndForgotten) {
  const test::TempDir dir;
  const Paths paths = dir.paths();
  EXPECT_EQ(load_token(paths, "pai").error().code, Code::kNotFound);
  ASSERT_TRUE(save_token(paths, "pai", "a.b.c"));
  EXPECT_EQ(load_token(paths, "pai").value_or(""), "a.b.c");
  EXPECT_EQ(test::mode_of(paths.state / "tokens/pai"), 0600U);
  EXPECT_EQ(test::mode_of(paths.state / "tokens"), 0700U);
  ASSERT_TRUE(remove_token(paths, "pai"));
  ASSERT_TRUE(remove_token(paths, "pai"));
  EXPECT_FALSE(load_token(paths, "pai"));
}

}  // namespace
}  // namespace rdev::state
