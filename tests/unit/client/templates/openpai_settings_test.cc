#include "client/templates/openpai_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::templates {
namespace {

using cluster::Denied;
using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<OpenpaiSettings> read(const std::string& text) {
  return read_openpai_settings({.text = text, .file = "job.yaml"});
}

TEST(OpenpaiSettings, ReadsEveryKey) {
  const auto settings = read(R"(
prerequisites:
  - {type: data, name: i, uri: [x]}
  - {type: dockerimage, name: other, uri: other:1}
  - {type: dockerimage, name: i, uri: debian:12}
taskRoles:
  first: {instances: 3, dockerImage: i}
  second: {instances: 5, dockerImage: other}
extras:
  rdev: {lifetime: 5h, attach_timeout: 15m, exit_with_command: true, login: true, deny: [agent, remote-tcp]}
  other: x
)");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->lifetime, std::optional<std::chrono::seconds>(hours(5)));
  EXPECT_EQ(settings->attach_timeout, minutes(15));
  EXPECT_EQ(settings->exit_with_command, true);
  EXPECT_EQ(settings->login, true);
  EXPECT_THAT(settings->deny, ElementsAre(Denied::kAgent, Denied::kRemoteTcp));
  EXPECT_EQ(settings->instances, 3);
  EXPECT_EQ(settings->image, "debian:12");
}

TEST(OpenpaiSettings, AreUnsetUnlessWritten) {
  for (const char* text : {"", "extras: {}", "extras: {rdev: }", "taskRoles: 3", "[]",
                           "taskRoles: {a: {instances: many, dockerImage: i}}"}) {
    const auto settings = read(text);
    ASSERT_TRUE(settings) << text << settings.error().message;
    EXPECT_FALSE(settings->lifetime) << text;
    EXPECT_FALSE(settings->login) << text;
    EXPECT_EQ(settings->instances, 1) << text;
    EXPECT_EQ(settings->image, "") << text;
  }
  const auto endless = read("extras: {rdev: {lifetime: none}}");
  ASSERT_TRUE(endless && endless->lifetime);
  EXPECT_FALSE(endless->lifetime->has_value());
}

TEST(OpenpaiSettings, LetTheFactsOfARenderedJobPass) {
  const auto settings = read(
      "extras: {rdev: {id: x, name: a, owner: o, host_public_keys: [], agent: {}, version: '1'}}");
  EXPECT_TRUE(settings) << settings.error().message;
}

TEST(OpenpaiSettings, RefuseWhatIsNotUnderstoodWithItsPlace) {
  const std::pair<const char*, const char*> table[] = {
      {"extras:\n  rdev: 3", "job.yaml:2:9: extras.rdev: must be a mapping"},
      {"extras:\n  rdev:\n    lifetim: 5h",
       "job.yaml:3:5: extras.rdev.lifetim: unknown key, did you mean 'lifetime'?"},
      {"extras: {rdev: {lifetime: 5}}", "job.yaml:1:27: extras.rdev.lifetime: must be a time"},
      {"extras: {rdev: {lifetime: long}}", "extras.rdev.lifetime: "},
      {"extras: {rdev: {attach_timeout: none}}", "extras.rdev.attach_timeout: must be a time"},
      {"extras: {rdev: {login: 'true'}}", "extras.rdev.login: must be true or false"},
      {"extras: {rdev: {deny: agent}}", "extras.rdev.deny: must be a list"},
      {"extras: {rdev: {deny: [agent, x]}}", "job.yaml:1:31: extras.rdev.deny[1]: 'x' cannot"},
      {"extras: [", "job.yaml:"},
  };
  for (const auto& [text, wanted] : table) {
    const auto settings = read(text);
    ASSERT_FALSE(settings) << text;
    EXPECT_EQ(settings.error().code, Code::kUsage);
    EXPECT_THAT(settings.error().message, HasSubstr(wanted)) << text;
  }
}

}  // namespace
}  // namespace rdev::templates
