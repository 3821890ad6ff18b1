#include "client/cluster/openpai/region.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::openpai {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const Region& region) { return region_commands(region).at(1); }

TEST(Unexpanded, HasNothingThatKubernetesKnows) {
  EXPECT_EQ(unexpanded("'a$b'"), "'a$b'");
  EXPECT_EQ(unexpanded("'a$$b'"), "'a$''$b'");
  EXPECT_EQ(unexpanded("'$$$'"), "'$''$''$'");
  EXPECT_EQ(unexpanded("'$(HOME)'"), "'$''(HOME)'");
}

TEST(Region, HasNoDollarsInPairs) {
  for (const Injection::Rung rung : {Injection::Rung::kStub, Injection::Rung::kUrl,
                                     Injection::Rung::kPath, Injection::Rung::kImage}) {
    EXPECT_THAT(text_of({.injection = {.rung = rung, .place = "/x"}, .stub = "$$(x)%<'\\\177"}),
                Not(HasSubstr("$$")));
  }
}

TEST(Region, EncodesTheStubForPrintf) {
  const std::string bytes(
      "\0A\0"
      "7%<'\\\xff",
      9);
  EXPECT_THAT(text_of({.injection = {}, .stub = bytes}),
              HasSubstr(R"(printf '\0A\0007%%\74\47\134\377')"));
}

TEST(Region, SaysWhatTheStubNeedsToKnow) {
  const std::string text = text_of({.injection = {},
                                    .stub = "s",
                                    .agent_sha256 = "abc",
                                    .agent_size = 7,
                                    .attach_timeout = std::chrono::seconds(60),
                                    .lifetime = std::chrono::hours(1),
                                    .has_commands = true});
  EXPECT_THAT(text, HasSubstr("abc 7 60 3600"));
  EXPECT_THAT(text, HasSubstr("rdev_mode=go\n"));
  EXPECT_THAT(text, Not(HasSubstr("@")));
}

}  // namespace
}  // namespace rdev::cluster::openpai
