#include "client/templates/old_clusters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/templates/cluster_entry.h"

namespace rdev::templates {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(OldClusters, AsTheToolsWroteThem) {
  const auto clusters = parse_old_clusters(R"(
- cluster_alias: c1
  info: {version: v1.0}
  pai_uri: 10.0.0.1
  password: 123456
  storages: []
  token: null
  user: alice
- {cluster_alias: C_2, pai_uri: 'https://pai', token: abc}
)",
                                           "f");
  ASSERT_TRUE(clusters) << clusters.error().message;
  ASSERT_EQ(clusters->size(), 2U);
  EXPECT_EQ((*clusters)[0].uri, "http://10.0.0.1");
  EXPECT_EQ((*clusters)[0].password, "123456");
  EXPECT_EQ((*clusters)[0].token, "");
  EXPECT_EQ((*clusters)[1].alias, "C_2");
  EXPECT_EQ((*clusters)[1].uri, "https://pai");
  EXPECT_EQ((*clusters)[1].token, "abc");
}

TEST(OldClusters, WhatIsNoneQuotesNoSecret) {
  for (const char* text : {"", "a", "{}", "[7]", "[{}]", "[{cluster_alias: a}]",
                           "[{cluster_alias: a, pai_uri: b, password: [hush]}]",
                           "[{cluster_alias: a, pai_uri: b, password: hush, token: {hush: 1}}]"}) {
    const auto clusters = parse_old_clusters(text, "f");
    ASSERT_FALSE(clusters) << text;
    EXPECT_EQ(clusters.error().code, Code::kUsage);
    EXPECT_THAT(clusters.error().message, Not(HasSubstr("hush")));
  }
}

TEST(OldClusters, EachAliasBecomesAName) {
  EXPECT_EQ(name_of_alias("c1"), "c1");
  EXPECT_EQ(name_of_alias("Old_One"), "old-one");
  EXPECT_EQ(name_of_alias("1st"), "c-1st");
  EXPECT_EQ(name_of_alias("_x"), "cx");
  EXPECT_EQ(name_of_alias("docker"), "docker-pai");
  for (const std::string& alias : {std::string("ü"), std::string(100, 'x'), std::string("a---"),
                                   std::string("..//"), std::string("local")}) {
    EXPECT_TRUE(check_cluster_name(name_of_alias(alias))) << alias << " " << name_of_alias(alias);
  }
}

}  // namespace
}  // namespace rdev::templates
