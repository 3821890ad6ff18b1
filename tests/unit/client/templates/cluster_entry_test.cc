#include "client/templates/cluster_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/client/temp_dir.h"

namespace rdev::templates {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ClusterEntry whole_entry() {
  return {.name = "pai",
          .kind = "openpai",
          .url = "https://pai.example.com",
          .user = "alice",
          .virtual_cluster = "vc1",
          .jump = "alice@login.example.com:2222",
          .ca = "/etc/pai ca.pem",
          .insecure = true};
}

TEST(ClusterEntry, IsReadAsItWasWritten) {
  ClusterEntry entry = whole_entry();
  const auto read = parse_cluster_entry(format_cluster_entry(entry), "f");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->kind, entry.kind);
  EXPECT_EQ(read->url, entry.url);
  EXPECT_EQ(read->user, entry.user);
  EXPECT_EQ(read->virtual_cluster, entry.virtual_cluster);
  EXPECT_EQ(read->jump, entry.jump);
  EXPECT_EQ(read->ca, entry.ca);
  EXPECT_TRUE(read->insecure);

  entry.jump.clear();
  entry.dial = {"kubectl", "exec", "-i", "login", "--", "nc", "{host}", "{port}"};
  const auto dial = parse_cluster_entry(format_cluster_entry(entry), "f");
  ASSERT_TRUE(dial) << dial.error().message;
  EXPECT_EQ(dial->dial, entry.dial);
}

TEST(ClusterEntry, WhatIsNotUnderstoodIsNamedWithItsPlace) {
  const struct {
    const char *text, *error;
  } kCases[] = {
      {"kind: slurm\nurl: https://h\n", "f:1:7: kind: 'slurm' is no kind"},
      {"kind: openpai\nurl: pai.example.com\n", "f:2:6: url: 'pai.example.com' is no address"},
      {"kind: openpai\n", "url is missing"},
      {"url: http://h\n", "kind is missing"},
      {"kind: openpai\nurl: http://h\npassword: x\n", "f:3:1: "},
      {"kind: openpai\nurl: http://h\nca: ca.pem\n", "not an absolute path"},
      {"kind: openpai\nurl: http://h\njump: h\ndial: [nc]\n", "two ways"},
      {"kind: openpai\nurl: http://h\ninsecure: maybe\n", "f:3:11: insecure"},
  };
  for (const auto& test : kCases) {
    const auto read = parse_cluster_entry(test.text, "f");
    ASSERT_FALSE(read) << test.text;
    EXPECT_THAT(read.error().message, HasSubstr(test.error));
    EXPECT_EQ(read.error().code, Code::kUsage);
  }
}

TEST(ClusterEntry, NamesAreThoseOfJobsButForTheBuiltIn) {
  EXPECT_TRUE(check_cluster_name("pai-2"));
  for (const char* name : {"docker", "local", "", "Pai", "../x", "a/b", "2pai"}) {
    EXPECT_FALSE(check_cluster_name(name)) << name;
  }
}

TEST(ClusterEntry, FilesAreListedSavedAndRemoved) {
  const test::TempDir dir;
  const state::Paths paths = dir.paths();
  EXPECT_THAT(cluster_names(paths), ElementsAre());
  EXPECT_EQ(load_cluster(paths, "pai").error().code, Code::kNotFound);

  ASSERT_TRUE(save_cluster(paths, whole_entry()));
  std::ofstream(paths.config / "clusters/b.yaml") << "nonsense";
  std::ofstream(paths.config / "clusters/.pai.yaml.x") << "";
  EXPECT_THAT(cluster_names(paths), ElementsAre("b", "pai"));
  const auto loaded = load_cluster(paths, "pai");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->name, "pai");
  EXPECT_EQ(test::mode_of(cluster_file(paths, "pai")), 0600U);

  ASSERT_TRUE(remove_cluster(paths, "pai"));
  ASSERT_TRUE(remove_cluster(paths, "pai"));
  EXPECT_THAT(cluster_names(paths), ElementsAre("b"));
}

}  // namespace
}  // namespace rdev::templates
