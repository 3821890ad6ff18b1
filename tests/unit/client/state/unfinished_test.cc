#include "client/state/unfinished.h"

#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

TEST(Unfinished, IsKeptUntilRemoved) {
  const test::TempDir dir;
  const Paths paths = dir.paths();
  EXPECT_TRUE(list_unfinished(paths).empty());
  JobRecord record;
  record.name = "train";
  record.id = "0123abcd";
  record.cluster = "docker";
  record.pin = {{"DOCKER_HOST", "tcp://10.0.0.1:2376"}};
  ASSERT_TRUE(add_unfinished(paths, record));
  const auto found = list_unfinished(paths);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "0123abcd");
  EXPECT_EQ(found[0].pin, record.pin);
  remove_unfinished(paths, "0123abcd");
  EXPECT_TRUE(list_unfinished(paths).empty());
}

TEST(Unfinished, WhatCannotBeReadIsForgotten) {
  const test::TempDir dir;
  const Paths paths = dir.paths();
  std::filesystem::create_directories(paths.state / "unfinished");
  test::write_text(paths.state / "unfinished" / "x.json", "{");
  EXPECT_TRUE(list_unfinished(paths).empty());
  EXPECT_FALSE(std::filesystem::exists(paths.state / "unfinished" / "x.json"));
}

}  // namespace
}  // namespace rdev::state
