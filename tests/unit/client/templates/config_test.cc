#include "client/templates/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::templates {
namespace {

using ::testing::HasSubstr;

TEST(SelectedCluster, IsKeptAndTakenOutAgain) {
  const test::TempDir dir;
  const state::Paths paths = dir.paths();
  EXPECT_EQ(load_config(paths).value().cluster, std::nullopt);
  ASSERT_TRUE(select_cluster(paths, "pai"));
  EXPECT_EQ(load_config(paths).value().cluster, "pai");
  ASSERT_TRUE(select_cluster(paths, "docker"));
  EXPECT_EQ(load_config(paths).value().cluster, "docker");
  ASSERT_TRUE(select_cluster(paths, ""));
  EXPECT_EQ(load_config(paths).value().cluster, std::nullopt);
}

TEST(SelectedCluster, LeavesTheRestOfTheFileAlone) {
  const test::TempDir dir;
  const state::Paths paths = dir.paths();
  const std::string file = paths.config / "config.yaml";
  test::write_text(file, "# mine\ncluster: docker # was local\n# cluster: local");
  ASSERT_TRUE(select_cluster(paths, "pai"));
  EXPECT_EQ(test::read_text(file), "# mine\n# cluster: local\ncluster: pai\n");
}

TEST(SelectedCluster, IsNotWrittenWhereItCannotBeEdited) {
  const test::TempDir dir;
  const state::Paths paths = dir.paths();
  const std::string file = paths.config / "config.yaml";
  test::write_text(file, "{cluster: docker}\n");
  const auto selected = select_cluster(paths, "pai");
  ASSERT_FALSE(selected);
  EXPECT_THAT(selected.error().message, HasSubstr("by hand"));
  EXPECT_EQ(test::read_text(file), "{cluster: docker}\n");
}

}  // namespace
}  // namespace rdev::templates
