#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "client/ui/look.h"
#include "client/ui/progress.h"
#include "client/ui/suggest.h"
#include "client/ui/table.h"
#include "client/ui/utf8.h"
#include "protocol/base/fd.h"

namespace rdev::ui {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Suggestion, IsCloseOrNone) {
  EXPECT_EQ(did_you_mean("imgae", {"image", "env"}), ", did you mean 'image'?");
  EXPECT_EQ(did_you_mean("lss", {"ls", "logs"}), ", did you mean 'ls'?");
  EXPECT_EQ(did_you_mean("xyzzy", {"image", "env"}), "");
  EXPECT_EQ(did_you_mean("ab", {"xy"}), "");
  EXPECT_EQ(did_you_mean("", {"ls"}), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'a'), {"ls"}), "");
}

TEST(Table, AlignsByCharactersNotBytes) {
  EXPECT_EQ(render_table({{"NAME", "X"}, {"é", "1"}, {"longer", ""}}),
            "NAME    X\né       1\nlonger\n");
}

TEST(Table, FitsIntoItsColumns) {
  const Rows rows = {{"NAME", "STATE", "NOTE"},
                     {"a-long-name", "FAILED", "an even longer remärk that goes on"}};
  const std::string table = render_table(rows, {.columns = 40});
  EXPECT_EQ(table, "NAME         STATE   NOTE\na-long-name  FAILED  an even longer rem…\n");
  EXPECT_EQ(render_table({{"abcdefgh", "ijklmnop"}}, {.columns = 3}), "abc…  ijk…\n");
  EXPECT_EQ(render_table({}, {.columns = 3}), "");
}

TEST(Table, PaintsStatesWhereColoursAreSeen) {
  const Rows rows = {{"STATE", "X"}, {"FAILED", "1"}, {"odd", "FAILED"}};
  EXPECT_EQ(render_table(rows, {.colour = true}),
            "STATE   X\n\033[31mFAILED\033[0m  1\nodd     FAILED\n");
}

TEST(Table, GrowsPageByPage) {
  GrowingTable table({"A", "B"}, {});
  EXPECT_EQ(table.add({{"1", "x"}}), "A  B\n1  x\n");
  EXPECT_EQ(table.add({{"long", "y"}}), "long  y\n");
  EXPECT_EQ(table.add({{"2", "z"}}), "2     z\n");
}

TEST(Look, OfWhatIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const base::Fd reader(ends[0]);
  const base::Fd writer(ends[1]);
  EXPECT_EQ(look_of(writer.get()).columns, 0U);
  EXPECT_FALSE(look_of(writer.get()).colour);
}

TEST(Table, ShowsNoControlCharacters) {
  EXPECT_EQ(render_table({{"a\033[31m", "b\nc"}}), "a?[31m  b c\n");
  EXPECT_EQ(printable("a\tb\nc\rd\x7f"), "a\tb\nc?d?");
  EXPECT_EQ(printable_line("a\tb\nc\r"), "a\tb c?");
}

TEST(Utf8, KeepsWhatIsValid) {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, "a\n\0z"s, "\u00e9\u07ff"s, "\u0800\ud7ff\ue000\uffff"s, "\U00010000\U0010ffff"s}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(Utf8, ReplacesEachByteThatIsNot) {
  const std::pair<const char*, int> texts[] = {{"\xff", 1},
                                               {"\x80", 1},
                                               {"\xc3", 1},
                                               {"\xc0\x80", 2},
                                               {"\xe0\x9f\xbf", 3},
                                               {"\xed\xa0\x80", 3},
                                               {"\xe2\x82", 2},
                                               {"\xf0\x8f\xbf\xbf", 4},
                                               {"\xf4\x90\x80\x80", 4},
                                               {"\xf5\x80\x80\x80", 4}};
  for (const auto& [text, bytes] : texts) {
    std::string expected = "a";
    for (int i = 0; i < bytes; ++i) {
      expected += "\uFFFD";
    }
    EXPECT_EQ(valid_utf8(std::string("a") + text + "z"), expected + "z");
  }
}

// What a Progress wrote to a pipe.
template <class Play>
std::string played(Terminal terminal, Play play) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const base::Fd read_end(ends[0]);
  {
    const base::Fd write_end(ends[1]);
    Progress progress(write_end.get(), terminal);
    play(progress);
  }
  std::string text(4096, '\0');
  const ssize_t n = ::read(read_end.get(), text.data(), text.size());
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

TEST(Progress, IsALineAStageWithItsTimeOffTheTerminal) {
  const std::string text = played(Terminal::kNo, [](Progress& progress) {
    progress.stage("pulling", "1 %");
    progress.stage("pulling", "2 %");
    progress.stage("starting");
    progress.done();
    progress.done();
    EXPECT_EQ(progress.timings().size(), 2U);
  });
  EXPECT_THAT(text, MatchesRegex("  pulling  0\\.0. s\n  starting  0\\.0. s\n"));
}

TEST(Progress, RedrawsItsLineOnATerminal) {
  const std::string text = played(Terminal::kYes, [](Progress& progress) {
    progress.stage("pulling", "1 %");
    progress.stage("pulling", "2 %");
    progress.done();
  });
  EXPECT_THAT(text, HasSubstr("\r\033[K  pulling  2 % …"));
  EXPECT_THAT(text, MatchesRegex(".*\r.\\[K  pulling  0\\.0. s\n"));
}

TEST(Progress, ThatIsInterruptedLeavesAWholeLine) {
  EXPECT_THAT(played(Terminal::kNo, [](Progress& p) { p.stage("pulling"); }),
              HasSubstr("pulling  not finished\n"));
  EXPECT_TRUE(played(Terminal::kYes, [](Progress& p) { p.stage("pulling"); }).ends_with("\n"));
}

}  // namespace
}  // namespace rdev::ui
