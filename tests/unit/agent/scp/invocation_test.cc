#include "agent/scp/invocation.h"

#include <gmock/gmock.h>

#include <string>

namespace rdev::scp {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts(const Invocation& asked) {
  std::vector<std::string> all;
  all.reserve(asked.paths.size());
  for (const process::Word& word : asked.paths) {
    all.push_back(word.text);
  }
  return all;
}

TEST(Invocation, IsWhatClientsSend) {
  struct Case {
    const char* command;
    Role role;
    bool recursive, preserve, into_directory;
    std::vector<std::string> paths;
  };
  const Case cases[] = {
      {"scp -t x", Role::kSink, false, false, false, {"x"}},
      {"scp -v -r -p -d -t .", Role::kSink, true, true, true, {"."}},
      {"scp -f a b", Role::kSource, false, false, false, {"a", "b"}},
      {"scp -q -f -- -a", Role::kSource, false, false, false, {"-a"}},
      {"scp -pf '/a b'", Role::kSource, false, true, false, {"/a b"}},
      {"scp  -rt \"c'd\"", Role::kSink, true, false, false, {"c'd"}},
      {"scp -f ''", Role::kSource, false, false, false, {""}},
  };
  for (const Case& c : cases) {
    const auto asked = parse_invocation(c.command);
    ASSERT_TRUE(asked) << c.command;
    EXPECT_EQ(asked->role, c.role) << c.command;
    EXPECT_EQ(asked->recursive, c.recursive) << c.command;
    EXPECT_EQ(asked->preserve, c.preserve) << c.command;
    EXPECT_EQ(asked->into_directory, c.into_directory) << c.command;
    EXPECT_EQ(texts(*asked), c.paths) << c.command;
  }
}

TEST(Invocation, IsNothingElse) {
  for (const char* command : {"",
                              "scp",
                              "scp ",
                              "scp -t",
                              "scp -f --",
                              "scp x y",
                              "scp -r x",
                              "scp -tf x",
                              "scp -x -t y",
                              "scp - -t y",
                              "scp -t x; true",
                              "scp -t $HOME",
                              "scp -t `x`",
                              "scp -t x > y",
                              "scp -t 'x",
                              "scpx -t x",
                              " scp -t x",
                              "/usr/bin/scp -t x",
                              "scp --help",
                              "scp -f x\ntouch y",
                              "scp -f x # y"}) {
    EXPECT_FALSE(parse_invocation(command)) << command;
  }
}

TEST(Invocation, KnowsWhatWasQuoted) {
  const auto asked = parse_invocation(R"(scp -f a* 'a*' \~ ~/"x y"* ~ "~" ~'root'/x)");
  ASSERT_TRUE(asked);
  EXPECT_THAT(texts(*asked), ElementsAre("a*", "a*", "~", "~/x y*", "~", "~", "~root/x"));
  std::vector<bool> expand;
  std::vector<bool> tilde;
  for (const process::Word& word : asked->paths) {
    expand.push_back(word.expands);
    tilde.push_back(word.tilde);
  }
  EXPECT_THAT(expand, ElementsAre(true, false, false, true, false, false, false));
  EXPECT_THAT(tilde, ElementsAre(false, false, false, true, true, false, false));
  EXPECT_EQ(asked->paths[1].pattern, R"(a\*)");
}

}  // namespace
}  // namespace rdev::scp
