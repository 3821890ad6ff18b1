#include "client/commands/env_diff.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace rdev::commands {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::vector<SeenEnvironment> of(Variables first, Variables second, Variables third) {
  return {{.who = "pty", .note = {}, .variables = std::move(first)},
          {.who = "exec", .note = {}, .variables = std::move(second)},
          {.who = "command", .note = {}, .variables = std::move(third)}};
}

TEST(EnvDiff, ReadsEntries) {
  using namespace std::string_literals;
  EXPECT_EQ(parse_environment("A=1\0B=\0C=x=y\nz\0"s),
            (Variables{{"A", "1"}, {"B", ""}, {"C", "x=y\nz"}}));
  EXPECT_EQ(parse_environment("A=1\0=odd\0none\0\0LAST=cut"s),
            (Variables{{"A", "1"}, {"LAST", "cut"}}));
  EXPECT_THAT(parse_environment(""), IsEmpty());
}

TEST(EnvDiff, SaysTheSame) {
  const auto all =
      of({{"A", "1"}, {"TERM", "xterm"}, {"SSH_TTY", "/dev/pts/0"}}, {{"A", "1"}}, {{"A", "1"}});
  const EnvDiff diff = compare(all);
  EXPECT_THAT(diff.differences, IsEmpty());
  EXPECT_THAT(diff.expected, ElementsAre("SSH_TTY", "TERM"));
  EXPECT_EQ(as_text(all, diff),
            "the same: pty, exec and command see 1 variables alike (apart from what belongs to a "
            "session: SSH_TTY, TERM)\n");
}

TEST(EnvDiff, AUserMayBeUnknownToTheCommandButNoOther) {
  const auto names = [](const std::string& user) {
    return compare(of({{"USER", "lab"}}, {{"USER", "lab"}},
                      user.empty() ? Variables{} : Variables{{"USER", user}}))
        .expected;
  };
  EXPECT_THAT(names(""), ElementsAre("USER"));
  EXPECT_THAT(names("root"), IsEmpty());
}

TEST(EnvDiff, GroupsWhoSeesTheSame) {
  const auto all =
      of({{"PATH", "/bin"}, {"X", "\033[31m"}}, {{"PATH", "/bin"}}, {{"PATH", "/opt"}});
  const std::string text = as_text(all, compare(all));
  EXPECT_THAT(text, HasSubstr("PATH\n   pty, exec  /bin\n   command    /opt\n"));
  EXPECT_THAT(text, HasSubstr("X\n   pty            ?[31m\n   exec, command  (unset)\n"));
  EXPECT_THAT(text, HasSubstr("all else is the same"));
}

TEST(EnvDiff, NamesMayNotSpeakToTheTerminal) {
  const auto all = of({{"A\033[31m\nB", "1"}}, {}, {});
  EXPECT_THAT(as_text(all, compare(all)), StartsWith("A?[31m B\n   pty            1\n"));
}

TEST(EnvDiff, HidesSecrets) {
  const auto all = of({{"API_TOKEN", "s1"}, {"aws_secret_access", "s2"}, {"PLAIN", "p"}},
                      {{"API_TOKEN", "s1"}}, {{"API_TOKEN", "s3"}});
  EnvDiff diff = compare(all);
  mask(diff);
  const std::string text = as_text(all, diff) + as_json("job", all, diff);
  EXPECT_THAT(text, HasSubstr("API_TOKEN\n   pty, exec  (hidden)\n   command    (hidden 2)\n"));
  EXPECT_THAT(text, HasSubstr("PLAIN"));
  for (const char* secret : {"s1", "s2", "s3"}) {
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
  for (const char* name : {"TOKEN", "MY_KEY", "DbPassword", "PGPASSWD", "X_CREDENTIALS", "DB_PASS",
                           "PGPASS", "MYSQL_PWD", "REDISCLI_AUTH", "KEY_PASSPHRASE"}) {
    EXPECT_TRUE(looks_secret(name)) << name;
  }
  for (const char* name : {"PATH", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "SSH_ASKPASS", "XAUTHORITY"}) {
    EXPECT_FALSE(looks_secret(name)) << name;
  }
}

TEST(EnvDiff, SpeaksJson) {
  const auto all = of({{"A", "1"}}, {{"A", "1"}}, {});
  const auto object = boost::json::parse(as_json("train", all, compare(all))).as_object();
  EXPECT_EQ(object.at("name"), "train");
  EXPECT_EQ(object.at("same"), false);
  const auto& difference = object.at("differences").at(0).as_object();
  EXPECT_EQ(difference.at("name"), "A");
  EXPECT_EQ(difference.at("values").at("pty"), "1");
  EXPECT_TRUE(difference.at("values").at("command").is_null());
}

TEST(EnvDiff, SpeaksJsonOfBytesThatAreNotUtf8) {
  const auto all = of({{"N\xff", "caf\xe9 \xc3\xa9"}}, {}, {});
  const auto object = boost::json::parse(as_json("train", all, compare(all))).as_object();
  const auto& difference = object.at("differences").at(0).as_object();
  EXPECT_EQ(difference.at("name"), "N\uFFFD");
  EXPECT_EQ(difference.at("values").at("pty"), "caf\uFFFD \u00e9");
}

}  // namespace
}  // namespace rdev::commands
