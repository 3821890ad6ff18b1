#include "agent/process/words.h"

#include <gmock/gmock.h>

namespace rdev::process {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

struct Case {
  const char* text;
  Words words;
};

TEST(SplitWords, FollowsPosixQuoting) {
  const Case cases[] = {
      {"", {}},
      {"  \t\n ", {}},
      {"ls", {"ls"}},
      {" ls  -l\t/\n", {"ls", "-l", "/"}},
      {"''", {""}},
      {"\"\"", {""}},
      {"a''b", {"ab"}},
      {"a 'b c' d", {"a", "b c", "d"}},
      {R"('a\b"$`')", {R"(a\b"$`)"}},
      {R"("a'b")", {"a'b"}},
      {R"("a\"b\\c\$d\`e")", {"a\"b\\c$d`e"}},
      {R"("a\nb")", {R"(a\nb)"}},
      {"\"a\\\nb\"", {"ab"}},
      {"a\\\nb", {"ab"}},
      {"a \\\n b", {"a", "b"}},
      {R"(a\ b)", {"a b"}},
      {R"(\$HOME \| \;)", {"$HOME", "|", ";"}},
      {R"(x=1 'y'"z"\ w)", {"x=1", "yz w"}},
      {"*.c ~ # [a] ?", {"*.c", "~", "#", "[a]", "?"}},
      {"\xff\xfe g", {"\xff\xfe", "g"}},
  };
  for (const Case& c : cases) {
    const auto words = split_words(c.text);
    ASSERT_TRUE(words) << c.text << ": " << words.error().message;
    EXPECT_EQ(*words, c.words) << c.text;
  }
}

TEST(SplitWords, RefusesWhatIsUnbalanced) {
  for (const char* text : {"'", "a 'b", "\"", "\"a\\\"", "a\\", "\"a\\"}) {
    EXPECT_FALSE(split_words(text)) << text;
  }
}

TEST(SplitWords, RefusesWhatOnlyAShellCanDo) {
  for (const char* text : {"a | b", "a && b", "a;b", "a > b", "a<b", "(a)", "$HOME", "`a`",
                           "\"$HOME\"", "\"`a`\"", "a\nb", "\na \n 'b'"}) {
    const auto words = split_words(text);
    ASSERT_FALSE(words) << text;
    EXPECT_THAT(words.error().message, HasSubstr("only a shell")) << text;
  }
}

TEST(SplitWords, RefusesNul) { EXPECT_FALSE(split_words(std::string_view("a\0b", 3))); }

}  // namespace
}  // namespace rdev::process
