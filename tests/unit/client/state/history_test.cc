#include "client/state/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using testing::HasSubstr;

class History : public testing::Test {
 protected:
  test::TempDir dir_;
  Paths paths_{.config = dir_.path() / "config", .state = dir_.path() / "state", .runtime = {}};
};

TEST_F(History, TheNewestComesFirst) {
  EXPECT_TRUE(read_history(paths_)->empty());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(add_to_history(paths_, {.at_unix_s = i,
                                        .command = "up",
                                        .cluster = "local",
                                        .name = "n" + std::to_string(i),
                                        .options = {{"ttl", "1h"}}}));
  }
  const auto all = read_history(paths_);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().name, "n2");
  EXPECT_EQ(all->front().at_unix_s, 2);
  EXPECT_EQ(all->back().options.at("ttl"), "1h");
  EXPECT_TRUE(all->back().document.is_null());
  struct stat info{};
  ASSERT_EQ(::stat((paths_.state / "history.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(History, KeepsTheLastOnly) {
  for (std::size_t i = 0; i < kMostSubmissions + 3; ++i) {
    ASSERT_TRUE(add_to_history(paths_, {.name = std::to_string(i), .options = {}}));
  }
  const auto all = read_history(paths_);
  ASSERT_EQ(all->size(), kMostSubmissions);
  EXPECT_EQ(all->back().name, "3");
}

TEST_F(History, WhatIsNoneIsLeftAlone) {
  ASSERT_TRUE(add_to_history(paths_, {.name = "a", .options = {}}));
  for (const char* text : {"", "{", "{}", "7"}) {
    std::ofstream(paths_.state / "history.json") << text;
    EXPECT_THAT(read_history(paths_).error().message, HasSubstr("remove it"));
    EXPECT_FALSE(add_to_history(paths_, {.name = "b", .options = {}}));
  }
  std::ofstream(paths_.state / "history.json") << R"([7, {}, {"name": 7, "options": []}])";
  EXPECT_EQ(read_history(paths_)->size(), 2U);
}

}  // namespace
}  // namespace rdev::state
