#include "client/state/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Trusting : public ::testing::Test {
 protected:
  Trusting() { test::write_text(file_, "x"); }
  test::TempDir dir_;
  Paths paths_ = dir_.paths();
  std::filesystem::path file_ = dir_.path() / "p/.rdev.yaml";
};

TEST_F(Trusting, IsInWhatTheFileSaidThen) {
  EXPECT_EQ(trust_of(paths_, file_, "x"), Trust::kNone);
  ASSERT_TRUE(trust(paths_, file_, "x"));
  EXPECT_EQ(trust_of(paths_, file_, "x"), Trust::kTrusted);
  EXPECT_EQ(trust_of(paths_, file_, "x "), Trust::kChanged);
  EXPECT_EQ(trust_of(paths_, dir_.path() / "p/../p/.rdev.yaml", "x"), Trust::kTrusted);
  EXPECT_EQ(trust_of(paths_, dir_.path() / "q/.rdev.yaml", "x"), Trust::kNone);
  EXPECT_THAT(trusted_files(paths_).value(), ElementsAre(file_));
  EXPECT_EQ(test::mode_of(paths_.state / "trusted.json"), 0600U);
  EXPECT_TRUE(distrust(paths_, file_).value());
  EXPECT_FALSE(distrust(paths_, file_).value());
  EXPECT_EQ(trust_of(paths_, file_, "x"), Trust::kNone);
}

TEST_F(Trusting, EndsWithTheFile) {
  const auto other = dir_.path() / "o/.rdev.yaml";
  test::write_text(other, "y");
  ASSERT_TRUE(trust(paths_, other, "y"));
  std::filesystem::remove(other);
  ASSERT_TRUE(trust(paths_, file_, "x"));
  EXPECT_THAT(trusted_files(paths_).value(), ElementsAre(file_));
}

TEST_F(Trusting, NeverComesFromABrokenFile) {
  test::write_text(paths_.state / "trusted.json", "[");
  EXPECT_THAT(trust_of(paths_, file_, "x").error().message, HasSubstr("remove it"));
  EXPECT_FALSE(trust(paths_, file_, "x"));
  EXPECT_EQ(test::read_text(paths_.state / "trusted.json"), "[");
  test::write_text(paths_.state / "trusted.json", "{}");
  EXPECT_FALSE(trust(paths_, file_, "\xff"));
  EXPECT_THAT(trusted_files(paths_).value(), IsEmpty());
}

}  // namespace
}  // namespace rdev::state
