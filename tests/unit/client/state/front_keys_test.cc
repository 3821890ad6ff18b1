#include "client/state/front_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/state/identity.h"
#include "client/state/job_record.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FrontKeys : public testing::Test {
 protected:
  FrontKeys() { std::filesystem::create_directories(files.dir); }

  const TempDir dir;
  const Paths paths = dir.paths();
  const JobFiles files = job_files(paths, "a");
};

TEST_F(FrontKeys, TheKeyIsMadeOnceAndPrivate) {
  const auto first = front_key(paths, "a");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(front_key(paths, "a")->public_key(), first->public_key());
  EXPECT_EQ(test::mode_of(files.front_key), 0600U);
  EXPECT_FALSE(std::filesystem::exists(files.known_hosts));  // who writes it knows both
}

TEST_F(FrontKeys, AJobWithoutAKeyGetsItIntoItsKnownHosts) {
  test::write_text(files.known_hosts, "rdev-a ssh-ed25519 AGENT");
  const auto key = front_key(paths, "a");
  ASSERT_TRUE(key) << key.error().message;
  const std::string both = "rdev-a ssh-ed25519 AGENT\nrdev-a " + key->public_key().text() + "\n";
  EXPECT_EQ(test::read_text(files.known_hosts), both);
  EXPECT_EQ(test::mode_of(files.known_hosts), 0600U);
  ASSERT_TRUE(front_key(paths, "a"));
  EXPECT_EQ(test::read_text(files.known_hosts), both);
}

TEST_F(FrontKeys, NoJobNoKey) {
  EXPECT_EQ(front_key(paths, "b").error().code, Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(job_files(paths, "b").dir));
}

TEST_F(FrontKeys, OneThatIsDamagedIsNotReplaced) {
  test::write_text(files.front_key, "not a key");
  EXPECT_THAT(front_key(paths, "a").error().message, HasSubstr("front_key"));
  EXPECT_EQ(test::read_text(files.front_key), "not a key");
}

TEST_F(FrontKeys, TheJobsKeyAndTheLongLivedOneMayLogIn) {
  EXPECT_THAT(front_authorized(paths, "a"), IsEmpty());
  const auto lasting = long_lived_key(paths);
  const ssh::PrivateKey own = ssh::PrivateKey::generate();
  ASSERT_TRUE(save_key(files.key, own, "rdev-a"));
  EXPECT_THAT(front_authorized(paths, "a"), ElementsAre(own.public_key(), lasting->public_key()));
}

}  // namespace
}  // namespace rdev::state
