#include "client/sshconfig/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/sshconfig/quote.h"
#include "protocol/base/file.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::sshconfig {
namespace {

using test::TempDir;
using ::testing::HasSubstr;

Entry sample() {
  return {.name = "train",
          .user = "rdev",
          .host_public_key = "ssh-ed25519 AAAA",
          .front_public_key = "ssh-ed25519 BBBB",
          .identity = "/s/jobs/train/key",
          .known_hosts = "/s/jobs/train/known_hosts",
          .rdev = "/opt/bin/rdev",
          .variables = {{"RDEV_HOME", "/s"}}};
}

TEST(Entry, HasAllThatMakesSshStrict) {
  const auto text = render(sample());
  ASSERT_TRUE(text) << text.error().message;
  for (const char* line : {
           "Host rdev-train\n",
           "  HostName rdev-train\n",
           "  HostKeyAlias rdev-train\n",
           "  User rdev\n",
           "  ProxyCommand env 'RDEV_HOME=/s' '/opt/bin/rdev' proxy train\n",
           "  IdentityFile \"/s/jobs/train/key\"\n",
           "  IdentitiesOnly yes\n",
           "  UserKnownHostsFile \"/s/jobs/train/known_hosts\"\n",
           "  GlobalKnownHostsFile none\n",
           "  StrictHostKeyChecking yes\n",
           "  UpdateHostKeys no\n",
       }) {
    EXPECT_THAT(*text, HasSubstr(line));
  }
  EXPECT_EQ(render_known_hosts(sample()),
            "rdev-train ssh-ed25519 BBBB\nrdev-train ssh-ed25519 AAAA\n");
}

TEST(Entry, OfTheFirstOfSeveralHasTwoNames) {
  Entry entry = sample();
  entry.is_first = true;
  const auto text = render(entry);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("Host rdev-train rdev-train.0\n"));
}

TEST(Entry, OfAllInstancesAreInOneFile) {
  const TempDir dir;
  std::vector<Entry> entries;
  for (const char* name : {"train", "train.1", "train.2"}) {
    entries.push_back(sample());
    entries.back().name = name;
    entries.back().known_hosts = dir.path() / (std::string(name) + ".known_hosts");
  }
  ASSERT_TRUE(write_entries(dir.paths(), entries));
  const auto text = base::read_file(entry_file(dir.paths(), "train"), 10000);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("\nHost rdev-train\n"));
  EXPECT_THAT(*text, HasSubstr("\nHost rdev-train.2\n"));
  EXPECT_THAT(base::read_file(dir.path() / "train.2.known_hosts", 10000).value(),
              HasSubstr("rdev-train.2 ssh-ed25519 AAAA"));
}

TEST(Entry, QuotesSpacesPercentsAndApostrophes) {
  Entry entry = sample();
  entry.rdev = "/o p/100%/it's/rdev";
  entry.variables = {{"RDEV_HOME", ""}, {"XDG_STATE_HOME", "/my home/%h"}};
  entry.identity = "/a b/50%/key";
  const auto text = render(entry);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("  ProxyCommand env 'RDEV_HOME=' 'XDG_STATE_HOME=/my home/%%h' "
                               "'/o p/100%%/it'\\''s/rdev' proxy train\n"));
  EXPECT_THAT(*text, HasSubstr("  IdentityFile \"/a b/50%%/key\"\n"));
}

TEST(Entry, RefusesWhatSshCannotSpell) {
  for (const char* bad : {"/a\"b", "/a\\b", "/a\nb", "/a${HOME}b"}) {
    Entry entry = sample();
    entry.identity = bad;
    const auto text = render(entry);
    ASSERT_FALSE(text) << bad;
    EXPECT_EQ(text.error().code, Code::kUsage);
  }
  Entry entry = sample();
  entry.variables = {{"RDEV_HOME", "/a\nProxyCommand evil"}};
  EXPECT_FALSE(render(entry));
}

TEST(Entry, IsWrittenPrivatelyAndRemovedWithLeftovers) {
  const TempDir dir;
  const state::Paths paths = dir.paths();
  Entry entry = sample();
  entry.known_hosts = dir.path() / "known_hosts";
  ASSERT_TRUE(write_entries(paths, {entry}));
  EXPECT_EQ(test::mode_of(entry_file(paths, "train")), 0600U);
  EXPECT_EQ(test::mode_of(entry_file(paths, "train").parent_path()), 0700U);
  EXPECT_EQ(test::read_text(entry.known_hosts), render_known_hosts(entry));
  const auto left = paths.state / "ssh.d" / ".train.conf.abc123";
  const auto others = paths.state / "ssh.d" / ".train-2.conf.abc123";
  test::write_text(left, "half");
  test::write_text(others, "half");
  ASSERT_TRUE(remove_entry(paths, "train"));
  EXPECT_FALSE(std::filesystem::exists(entry_file(paths, "train")));
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(others));
  EXPECT_TRUE(remove_entry(paths, "train"));
}

TEST(ShellQuote, SurvivesAShell) {
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
}

}  // namespace
}  // namespace rdev::sshconfig
