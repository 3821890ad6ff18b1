#include "client/cluster/openpai/info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::HasSubstr;

std::string info_of(const std::string& version, const std::string& launcher = "k8s") {
  return R"({"name":"PAI RESTful API","version":)" + version + R"(,"launcherType":")" + launcher +
         R"(","authnMethod":"OIDC"})";
}

TEST(Info, OfTheRealServer) {
  const auto info = parse_info(sample("v18-info"));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->version, "v1.8.1");
  EXPECT_EQ(info->launcher, "k8s");
  EXPECT_EQ(info->auth, Info::Auth::kBasic);
  EXPECT_TRUE(check_supported(*info));
  EXPECT_EQ(*parse_auth(sample("v18-authn-info")), Info::Auth::kBasic);
  EXPECT_EQ(*parse_auth(R"({"authn_type":"OIDC"})"), Info::Auth::kOidc);
  EXPECT_EQ(parse_info(info_of("\"v1.0.0\""))->auth, Info::Auth::kOidc);
}

TEST(Info, VersionNullOrMissing) {
  const auto info = parse_info(info_of("null"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, "");
  EXPECT_TRUE(check_supported(*info));
  EXPECT_TRUE(has(*info, Feature::kLogs));
  const auto bare = parse_info(R"({"name":"PAI RESTful API"})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->auth, std::nullopt);
}

TEST(Info, OldClustersAreRefusedByName) {
  const struct {
    std::string version, launcher, why;
  } table[] = {
      {"\"v0.16.3\"", "k8s", "OpenPAI v0.16.3"},
      {"\"0.15.0\"", "yarn", "OpenPAI 0.15.0"},
      {"\"v0.17.0\"", "yarn", "on YARN"},
      {"null", "yarn", "on YARN"},
  };
  for (const auto& row : table) {
    const auto checked = check_supported(*parse_info(info_of(row.version, row.launcher)));
    ASSERT_FALSE(checked) << row.version;
    EXPECT_EQ(checked.error().code, Code::kUsage);
    EXPECT_THAT(checked.error().message, HasSubstr(row.why));
    EXPECT_THAT(checked.error().message, HasSubstr("0.17 or later"));
  }
  EXPECT_TRUE(check_supported(*parse_info(info_of("\"v0.17.0\""))));

  const auto oldest = parse_info("<pre>PAI RESTful API</pre>");
  ASSERT_FALSE(oldest);
  EXPECT_EQ(oldest.error().code, Code::kUsage);
  EXPECT_THAT(oldest.error().message, HasSubstr("0.14 or older"));
}

TEST(Info, NotOpenPaiAtAll) {
  for (const std::string& body :
       {std::string(), std::string("<html></html>"), std::string("{}"), std::string("[]"),
        std::string("PAI RESTful API v2 (beta version)"), std::string(R"({"name":"Jenkins"})"),
        std::string(R"({"name":7})"), std::string(100, '[')}) {
    for (const auto& error : {parse_info(body).error(), parse_auth(body).error()}) {
      EXPECT_EQ(error.code, Code::kProtocol) << body;
      EXPECT_THAT(error.message, HasSubstr("not OpenPAI"));
    }
  }
  EXPECT_THAT(parse_auth(R"({"authn_type":"saml"})").error().message, HasSubstr("(saml)"));
}

TEST(Info, FeaturesByVersion) {
  const struct {
    std::string version;
    Feature feature;
    bool there;
  } table[] = {
      {"v0.17.1", Feature::kStorages, false},    {"v1.0.0", Feature::kStorages, true},
      {"v1.1.1", Feature::kListFilters, false},  {"v1.2.0", Feature::kListFilters, true},
      {"v1.2.9", Feature::kEvents, false},       {"v1.3.0", Feature::kEvents, true},
      {"v1.2.9", Feature::kTags, false},         {"v1.3.0", Feature::kTags, true},
      {"v1.2.9", Feature::kTaskAttempts, false}, {"v1.10.0", Feature::kTaskAttempts, true},
      {"v1.3.9", Feature::kLogs, false},         {"v1.4", Feature::kLogs, true},
  };
  for (const auto& row : table) {
    EXPECT_EQ(has({.version = row.version}, row.feature), row.there) << row.version;
  }
}

TEST(Version, Table) {
  EXPECT_EQ(parse_version("v1.8.1"), (Version{1, 8, 1}));
  EXPECT_EQ(parse_version("1.4"), (Version{1, 4, 0}));
  EXPECT_EQ(parse_version("v1.0.0-rc1"), (Version{1, 0, 0}));
  EXPECT_EQ(parse_version("0.17.y"), (Version{0, 17, 0}));
  EXPECT_LT(*parse_version("v0.9.0"), *parse_version("v0.17.0"));
  for (const char* text : {"", "v", "1", "master", "v-1.2", "1.", "99999999999.1", "v1.-2"}) {
    EXPECT_EQ(parse_version(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace rdev::cluster::openpai
