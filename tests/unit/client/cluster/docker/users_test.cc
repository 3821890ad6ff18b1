#include "client/cluster/docker/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::docker {
namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "app:x:1000:1001:an app:/home/app:/bin/sh\n"
    "# a comment\n"
    "broken:x\n"
    "7:x:8:9:a number for a name:/:\n"
    "last:x:65534:65533::/:";
constexpr char kGroup[] = "root:x:0:\nvideo:x:44:app\n44:x:45:\n";

TEST(ResolveUser, AsTheEngineDoes) {
  const struct {
    std::string user;
    Owner owner;
  } table[] = {
      {"", {0, 0}},
      {"root", {0, 0}},
      {"0", {0, 0}},
      {"app", {1000, 1001}},
      {"1000", {1000, 1001}},
      {"12345", {12345, 0}},
      {"app:video", {1000, 44}},
      {"app:0", {1000, 0}},
      {"12345:12", {12345, 12}},
      {"7", {8, 9}},
      {"last", {65534, 65533}},
      {"app:", {1000, 1001}},
      {":video", {0, 44}},
  };
  for (const auto& row : table) {
    const auto owner = resolve_user(row.user, kPasswd, kGroup);
    ASSERT_TRUE(owner) << row.user;
    EXPECT_EQ(owner->uid, row.owner.uid) << row.user;
    EXPECT_EQ(owner->gid, row.owner.gid) << row.user;
  }
}

TEST(ResolveUser, NumbersNeedNoFiles) {
  EXPECT_EQ(*resolve_user("12345", "", ""), (Owner{12345, 0}));
  EXPECT_EQ(*resolve_user("12345:6", "", ""), (Owner{12345, 6}));
  EXPECT_EQ(*resolve_user("", "", ""), (Owner{0, 0}));
}

TEST(ResolveUser, UnknownNamesAreNamed) {
  const auto user = resolve_user("nobody", kPasswd, kGroup);
  EXPECT_EQ(user.error().code, Code::kUsage);
  EXPECT_THAT(user.error().message, ::testing::HasSubstr("no such user in the image: nobody"));
  const auto group = resolve_user("app:audio", kPasswd, kGroup);
  EXPECT_THAT(group.error().message, ::testing::HasSubstr("no such group in the image: audio"));
  for (const std::string user : {"-1", "4294967296", "2147483648", "broken", "1000x"}) {
    EXPECT_FALSE(resolve_user(user, kPasswd, kGroup)) << user;
  }
}

}  // namespace
}  // namespace rdev::cluster::docker
