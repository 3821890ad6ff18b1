#include "client/cluster/openpai/marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "tests/unit/client/cluster/openpai/documents.h"

namespace rdev::cluster::openpai {
namespace {

using test::parse;
using ::testing::HasSubstr;

const Insertion kInsertion{.setup = {"s1", "s2"},
                           .region = {"`#REMOTE_DEV_START`", "r1\nr2", "`#REMOTE_DEV_END`"},
                           .command = "last"};

std::string inserted(const std::string& commands, const Insertion& insertion = kInsertion) {
  const auto array = parse(commands).as_array();
  const auto marks = find_marks(array);
  EXPECT_TRUE(marks) << commands;
  return boost::json::serialize(insert(array, *marks, insertion));
}

constexpr const char* kRegion = R"("`#REMOTE_DEV_START`","r1\nr2","`#REMOTE_DEV_END`")";

TEST(Marks, WhatIsBetweenThemIsReplaced) {
  EXPECT_EQ(inserted("[a, '`#REMOTE_DEV_START`', sleep 18000, x, ' `#REMOTE_DEV_END` ', b, c]"),
            std::string(R"(["a","s1","s2",)") + kRegion + R"(,"b","c","last"])");
  EXPECT_EQ(inserted("['`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`']"),
            std::string(R"(["s1","s2",)") + kRegion + R"(,"last"])");
  EXPECT_EQ(
      inserted("[\"`#REMOTE_DEV_START`\\nold\\n`#REMOTE_DEV_END`\\n\", b]", {.region = {"r"}}),
      R"(["r\n","b"])");
}

TEST(Marks, WithoutThemTheRegionComesFirst) {
  EXPECT_EQ(inserted("[a, b]"), std::string(R"(["s1","s2",)") + kRegion + R"(,"a","b","last"])");
  EXPECT_EQ(inserted("[echo REMOTE_DEV_START, '#REMOTE_DEV_END']", {.region = {"r"}}),
            R"(["r","echo REMOTE_DEV_START","#REMOTE_DEV_END"])");
}

TEST(Marks, MayBeLinesOfACommand) {
  EXPECT_EQ(
      inserted("[x, \"a\\n  b\\n\\t`#REMOTE_DEV_START`\\nold\\n`#REMOTE_DEV_END`\\nc\\n\", y]"),
      R"(["x","a\n  b\ns1\ns2\n`#REMOTE_DEV_START`\nr1\nr2\n`#REMOTE_DEV_END`\nc\n","y","last"])");
  // The start in one command, the end in another.
  EXPECT_EQ(inserted("[\"a\\n`#REMOTE_DEV_START`\\nold\", old, \"old\\n`#REMOTE_DEV_END`\", y]",
                     {.region = {"r"}}),
            R"(["a\nr","y"])");
}

TEST(Marks, InsertingAgainChangesNothing) {
  for (const char* commands :
       {"[a, '`#REMOTE_DEV_START`', old, '`#REMOTE_DEV_END`', b]", "[a]",
        "[\"a\\n`#REMOTE_DEV_START`\\nold\\n`#REMOTE_DEV_END`\\nb\\n\", c]"}) {
    const std::string once = inserted(commands);
    Insertion again = kInsertion;
    again.again = true;
    EXPECT_EQ(inserted(once, again), once);
    EXPECT_NE(inserted(once), once) << "setup and command are new without `again`";
    Insertion others = again;
    others.region[1] = "r3";
    EXPECT_THAT(inserted(once, others), HasSubstr("r3"));
  }
}

TEST(Marks, AreRefusedWhenTheyDoNotMakeARegion) {
  const std::tuple<const char*, std::size_t, const char*> table[] = {
      {"[a, '`#REMOTE_DEV_START`']", 1,
       "the mark `#REMOTE_DEV_START` has no `#REMOTE_DEV_END` after"},
      {"[a, b, '`#REMOTE_DEV_END`']", 2, "`#REMOTE_DEV_END` must come after `#REMOTE_DEV_START`"},
      {"['`#REMOTE_DEV_END`', '`#REMOTE_DEV_START`']", 0, "must come after"},
      {"['`#REMOTE_DEV_START`', '`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`']", 1,
       "`#REMOTE_DEV_START` is there for the second time"},
      {"['`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`', \"a\\nb\\n`#REMOTE_DEV_END`\"]", 2,
       "`#REMOTE_DEV_END` in its line 3 is there for the second time"},
      {"['`#REMOTE_DEV_START` && x', '`#REMOTE_DEV_END`']", 0, "must be alone on its line"},
  };
  for (const auto& [commands, item, what] : table) {
    const auto marks = find_marks(parse(commands).as_array());
    ASSERT_FALSE(marks) << commands;
    EXPECT_EQ(marks.error().item, item) << commands;
    EXPECT_THAT(marks.error().what, HasSubstr(what)) << commands;
  }
}

TEST(Marks, WhatStandsBehindThemIsTheJobsOwn) {
  const std::pair<const char*, bool> table[] = {
      {"[a]", true},
      {"['# a', '']", false},
      {"[a, '`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`']", false},
      {"[a, '`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`', ' # b', \"\\n\"]", false},
      {"['`#REMOTE_DEV_START`', '`#REMOTE_DEV_END`', b]", true},
      {"[\"`#REMOTE_DEV_START`\\n`#REMOTE_DEV_END`\\n# x\\n y\"]", true},
      {"[\"x\\n`#REMOTE_DEV_START`\\n`#REMOTE_DEV_END`\\n\"]", false},
  };
  for (const auto& [commands, wanted] : table) {
    const auto array = parse(commands).as_array();
    EXPECT_EQ(has_commands_behind(array, *find_marks(array)), wanted) << commands;
  }
}

}  // namespace
}  // namespace rdev::cluster::openpai
