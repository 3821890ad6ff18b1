#include "agent/process/environment.h"

#include <gmock/gmock.h>

namespace rdev::process {
namespace {

using testing::ElementsAre;

TEST(Environment, KeepsEntriesAsTheyCame) {
  const Environment environment({"A=1", "no equals sign", "=odd", "A=2"});
  EXPECT_THAT(environment.entries(), ElementsAre("A=1", "no equals sign", "=odd", "A=2"));
}

TEST(Environment, SetReplacesInPlaceAndAppends) {
  Environment environment({"A=1", "AB=2"});
  environment.set("A", "x=y");
  environment.set("C", "");
  EXPECT_THAT(environment.entries(), ElementsAre("A=x=y", "AB=2", "C="));
  EXPECT_EQ(environment.get("A"), "x=y");
  EXPECT_EQ(environment.get("C"), "");
  EXPECT_EQ(environment.get("B"), std::nullopt);
}

TEST(Environment, UnsetTakesEveryEntryOfTheName) {
  Environment environment({"A=1", "AB=2", "A=3"});
  environment.unset("A");
  EXPECT_THAT(environment.entries(), ElementsAre("AB=2"));
}

TEST(Environment, LeavesOutWhatIsNoEntry) {
  Environment environment;
  environment.set("", "x");
  environment.set("A=B", "x");
  environment.set(std::string_view("A\0B", 3), "x");
  environment.set("A", std::string_view("x\0y", 3));
  EXPECT_TRUE(environment.entries().empty());
}

TEST(Candidates, SearchLikeExecvp) {
  EXPECT_THAT(candidates("ls", "/a:/b"), ElementsAre("/a/ls", "/b/ls"));
  EXPECT_THAT(candidates("ls", ":/b:"), ElementsAre("./ls", "/b/ls", "./ls"));
  EXPECT_THAT(candidates("./ls", "/a"), ElementsAre("./ls"));
  EXPECT_THAT(candidates("", "/a"), ElementsAre());
}

}  // namespace
}  // namespace rdev::process
