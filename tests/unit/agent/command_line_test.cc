#include "agent/command_line.h"

#include <gmock/gmock.h>

namespace rdev::agent {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;
using Words = std::vector<std::string_view>;

Arguments parse(const Words& words) {
  const auto line = parse_command_line(words);
  EXPECT_TRUE(line) << line.error().message;
  const auto* arguments = line ? std::get_if<Arguments>(&*line) : nullptr;
  EXPECT_NE(arguments, nullptr) << "a text";
  return arguments != nullptr ? *arguments : Arguments{};
}

std::string text(const Words& words) {
  const auto line = parse_command_line(words);
  EXPECT_TRUE(line) << line.error().message;
  const auto* text = line ? std::get_if<std::string>(&*line) : nullptr;
  EXPECT_NE(text, nullptr) << "no text";
  return text != nullptr ? *text : "";
}

TEST(CommandLine, ByHand) {
  const auto arguments = parse({"serve", "--listen", "0.0.0.0:22", "--authorized-keys=/keys",
                                "--host-key", "/host", "--deny", "agent", "--exit-with-command"});
  EXPECT_EQ(arguments.subcommand, Subcommand::kServe);
  EXPECT_EQ(arguments.by_hand.listen, "0.0.0.0:22");
  EXPECT_EQ(arguments.by_hand.authorized_keys, "/keys");
  EXPECT_EQ(arguments.by_hand.host_key, "/host");
  EXPECT_EQ(arguments.by_hand.deny, "agent");
  EXPECT_TRUE(arguments.by_hand.exit_with_command);
  EXPECT_THAT(arguments.command, IsEmpty());
}

TEST(CommandLine, WhatIsHandedOver) {
  const auto arguments = parse({"serve", "--config", "-", "--listen-fd", "5", "--ready-fd=3",
                                "--instance", "2", "--listen", "0.0.0.0:1"});
  EXPECT_EQ(arguments.config, "-");
  EXPECT_EQ(arguments.handed.listen_fd, "5");
  EXPECT_EQ(arguments.handed.ready_fd, "3");
  EXPECT_EQ(arguments.handed.instance, "2");
  EXPECT_EQ(arguments.by_hand.listen, "0.0.0.0:1");
  const Words alone = {"serve", "--listen",   "0.0.0.0:1", "--authorized-keys",
                       "/k",    "--instance", "1"};
  EXPECT_THAT(parse_command_line(alone).error().message,
              HasSubstr("--instance goes with --config"));
}

TEST(CommandLine, WhatFollowsTheDashesIsNotRead) {
  const auto arguments =
      parse({"serve", "--config", "/config", "--", "tool", "--help", "--", "--config=x"});
  EXPECT_EQ(arguments.config, "/config");
  EXPECT_THAT(arguments.command, ElementsAre("tool", "--help", "--", "--config=x"));
}

TEST(CommandLine, Control) {
  EXPECT_EQ(parse({"stop", "--config", "/c"}).subcommand, Subcommand::kStop);
  EXPECT_EQ(parse({"stdio", "--config=/c=d"}).config, "/c=d");
  const auto status = parse({"status", "--json", "--config", "/c"});
  EXPECT_EQ(status.subcommand, Subcommand::kStatus);
  EXPECT_TRUE(status.json);
}

TEST(CommandLine, TextsAreForPeople) {
  EXPECT_EQ(text({"--version"}), "rdev-agent " RDEV_VERSION "\n");
  for (const char* name : {"serve", "status", "stop", "stdio"}) {
    EXPECT_THAT(text({"--help"}), HasSubstr(name));
    const auto help = text({name, "--config", "--help"});
    EXPECT_EQ(help, text({name, "-h"}));
    EXPECT_THAT(help, HasSubstr("--config FILE"));
    EXPECT_THAT(help, HasSubstr("Examples:\n  "));
    EXPECT_THAT(help, HasSubstr("rdev-agent " + std::string(name)));
  }
  EXPECT_EQ(text({"-h"}), text({"--help"}));
}

struct Mistake {
  Words words;
  const char* says;
};
class UsageError : public testing::TestWithParam<Mistake> {};

TEST_P(UsageError, NamesIt) {
  const auto line = parse_command_line(GetParam().words);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kUsage);
  EXPECT_THAT(line.error().message, HasSubstr(GetParam().says));
  EXPECT_THAT(line.error().message, HasSubstr("--help"));
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, UsageError,
    testing::Values(
        Mistake{{}, "name a command"}, Mistake{{"start"}, "no command \"start\""},
        Mistake{{"--serve"}, "no option \"--serve\""},
        Mistake{{"serve"}, "either --config FILE or --listen"},
        Mistake{{"serve", "--listen=", "--authorized-keys", "k"}, "--listen needs a value"},
        Mistake{{"serve", "--listen", "x:1"}, "--listen needs --authorized-keys"},
        Mistake{{"serve", "--config", "c", "--deny", "agent"}, "--deny does not go with"},
        Mistake{{"serve", "--config", "c", "--host-key", "h"}, "--host-key does not go with"},
        Mistake{{"serve", "--config", "c", "tool"}, "no word \"tool\""},
        Mistake{{"serve", "--config"}, "--config needs a value: FILE"},
        Mistake{{"serve", "--config", "--exit-with-command"}, "--config needs a value: FILE"},
        Mistake{{"serve", "--conf", "c"}, "no option \"--conf\""},
        Mistake{{"status", "--host-key", "c"}, "status has no option \"--host-key\""},
        Mistake{{"status", "--json=1", "--config", "c"}, "--json takes no value"},
        Mistake{{"status"}, "--config FILE is missing"},
        Mistake{{"stop", "--config", "a", "--config=b"}, "--config is given twice"},
        Mistake{{"stop", "--config", "a", "--", "tool"}, "stop takes no command"}));

}  // namespace
}  // namespace rdev::agent
