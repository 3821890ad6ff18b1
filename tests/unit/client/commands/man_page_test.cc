#include "client/commands/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace rdev::commands {
namespace {

using ::testing::HasSubstr;

TEST(Roff, TextStandsForItself) {
  EXPECT_EQ(roff("a-b"), "a\\-b");
  EXPECT_EQ(roff(".TH\n'x\\y"), "\\&.TH\n\\(aqx\\ey");
  EXPECT_EQ(roff("a.b"), "a.b");
  EXPECT_EQ(roff("CMD\u2026 \u00e9\U0001f600."), "CMD\\[u2026] \\[u00E9]\\[u1F600].");
  EXPECT_EQ(roff("\xe2\x80"), "\\[u0080]");  // cut off
}

TEST(ManPage, HasEveryOptionOfEverySubcommand) {
  for (const CommandWords& command : words_of_commands()) {
    const std::string page = man_page(command);
    const std::vector<CommandWords> one = {command};
    for (const CommandWords* words : with_actions(one)) {
      EXPECT_THAT(page, HasSubstr(roff(words->path)));
      for (const OptionWords& option : words->options) {
        for (const std::string& name : option.names) {
          EXPECT_THAT(page, HasSubstr(roff(name)));
        }
      }
    }
  }
}

TEST(CommandWords, SubcommandsAndChoices) {
  const auto commands = words_of_commands();
  const auto find = [&](const std::string& path) {
    const auto all = with_actions(commands);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const CommandWords* words) { return words->path == path; });
    return found == all.end() ? nullptr : *found;
  };
  ASSERT_NE(find("rdev cluster add"), nullptr);
  EXPECT_EQ(find("rdev cluster add")->names(), CommandWords::Names::kClusters);
  EXPECT_EQ(find("rdev cluster list")->names(), CommandWords::Names::kNone);
  EXPECT_EQ(find("rdev exec")->names(), CommandWords::Names::kJobs);
  EXPECT_TRUE(find("rdev exec")->takes_command);
  EXPECT_THAT(find("rdev cluster add")->example, HasSubstr("rdev cluster add pai"));
  const auto& options = find("rdev completion")->options;
  const auto shell = std::find_if(options.begin(), options.end(),
                                  [](const OptionWords& option) { return option.is_positional; });
  ASSERT_NE(shell, options.end());
  EXPECT_EQ(shell->choices, (std::vector<std::string>{"bash", "zsh", "fish"}));
}

}  // namespace
}  // namespace rdev::commands
