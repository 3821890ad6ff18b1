#include "client/cluster/openpai/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::openpai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Way, StraightNeedsNoProgram) {
  EXPECT_THAT(way_command({}, "10.0.0.1", 22).value(), ElementsAre());
}

TEST(Way, AJumpHostIsTheUsersOwnSsh) {
  EXPECT_THAT(way_command({.jump = "alice@login:2222"}, "10.0.0.1", 15001).value(),
              ElementsAre("ssh", "-T", "-o", "ConnectTimeout=10", "-l", "alice", "-p", "2222", "-W",
                          "10.0.0.1:15001", "--", "login"));
  EXPECT_THAT(
      way_command({.jump = "login"}, "fd00::1", 1).value(),
      ElementsAre("ssh", "-T", "-o", "ConnectTimeout=10", "-W", "[fd00::1]:1", "--", "login"));
  const auto option = way_command({.jump = "-oProxyCommand=x"}, "h", 1);
  ASSERT_FALSE(option);
  EXPECT_THAT(option.error().message, HasSubstr("is no host"));
}

TEST(Way, ADialCommandGetsHostAndPort) {
  EXPECT_THAT(
      way_command({.dial = {"nc", "{host}", "{port}", "{host}:{port}"}}, "10.0.0.1", 7).value(),
      ElementsAre("nc", "10.0.0.1", "7", "10.0.0.1:7"));
}

}  // namespace
}  // namespace rdev::cluster::openpai
