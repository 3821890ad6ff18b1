#include "agent/by_hand.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "agent/endpoint.h"
#include "tests/unit/agent/temporary.h"

namespace rdev::agent {
namespace {

using testing::HasSubstr;

class ConfigByHand : public testing::Test {
 protected:
  ConfigByHand() {
    options_.listen = "127.0.0.1:0";
    options_.authorized_keys =
        directory_.file("keys", ssh::PrivateKey::generate().public_key().text() + "\n").string();
  }
  std::string error() {
    const auto config = config_by_hand(options_);
    return config ? "" : config.error().message;
  }

  test::Temporary directory_;
  ByHand options_;
};

TEST_F(ConfigByHand, MakesAKeyForThisRun) {
  const auto first = config_by_hand(options_);
  const auto second = config_by_hand(options_);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->host_key.public_key(), second->host_key.public_key());
  EXPECT_EQ(first->authorized_keys.size(), 1U);
}

TEST_F(ConfigByHand, KeepsTheKeyInItsFile) {
  options_.host_key = (directory_ / "host_key").string();
  const auto first = config_by_hand(options_);
  const auto second = config_by_hand(options_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->host_key.public_key(), second->host_key.public_key());
  struct stat status{};
  ASSERT_EQ(::stat(options_.host_key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(ConfigByHand, DeniesWhatItIsTold) {
  options_.deny = "agent,remote-tcp";
  const auto some = config_by_hand(options_);
  ASSERT_TRUE(some);
  EXPECT_TRUE(some->denials.agent && some->denials.remote_tcp);
  EXPECT_FALSE(some->denials.local_tcp || some->denials.unix_sockets);
  options_.deny = "local-tcp,unix-sockets";
  const auto others = config_by_hand(options_);
  ASSERT_TRUE(others);
  EXPECT_TRUE(others->denials.local_tcp && others->denials.unix_sockets);
  EXPECT_FALSE(others->denials.agent || others->denials.remote_tcp);
  for (const char* bad : {"tcp", "agent,", "agent,,local-tcp", ",", " agent", "agent;local-tcp"}) {
    options_.deny = bad;
    EXPECT_THAT(error(), HasSubstr("cannot be denied: write local-tcp,")) << bad;
  }
}

TEST_F(ConfigByHand, RefusesABadHostKey) {
  options_.host_key = directory_.file("host_key", "not a key").string();
  EXPECT_THAT(error(), HasSubstr("the host key " + options_.host_key));
  std::filesystem::permissions(options_.host_key, std::filesystem::perms(0644));
  EXPECT_THAT(error(), HasSubstr("can be used by others"));
  options_.host_key = (directory_ / "no/such/directory/key").string();
  EXPECT_THAT(error(), HasSubstr("the host key"));
}

TEST_F(ConfigByHand, RefusesBadAuthorizedKeys) {
  options_.authorized_keys = directory_.file("bad", "# mine\nssh-ed25519 what\n").string();
  EXPECT_THAT(error(), HasSubstr("line 2"));
  options_.authorized_keys = directory_.file("empty", "# nobody\n\n").string();
  EXPECT_THAT(error(), HasSubstr("holds no key"));
  options_.authorized_keys = (directory_ / "none").string();
  EXPECT_THAT(error(), HasSubstr("No such file"));
}

TEST_F(ConfigByHand, RefusesABadAddress) {
  options_.listen = "here";
  EXPECT_THAT(error(), HasSubstr("ADDRESS:PORT"));
}

TEST(Greeting, SaysHowToConnect) {
  const auto key = ssh::PrivateKey::generate().public_key();
  const std::string shown = greeting(key, *parse_endpoint("127.0.0.1:2222"), "alice");
  EXPECT_THAT(shown, HasSubstr("\n[127.0.0.1]:2222 " + key.text() + "\n"));
  EXPECT_THAT(shown, HasSubstr("\nssh -p 2222 alice@127.0.0.1\n"));
  EXPECT_THAT(shown, HasSubstr(key.fingerprint()));
}

TEST(Greeting, LeavesTheStandardPortOut) {
  const auto key = ssh::PrivateKey::generate().public_key();
  const std::string shown = greeting(key, *parse_endpoint("127.0.0.1:22"), "alice");
  EXPECT_THAT(shown, HasSubstr("\n127.0.0.1 " + key.text() + "\n"));
  EXPECT_THAT(shown, HasSubstr("\nssh alice@127.0.0.1\n"));
}

}  // namespace
}  // namespace rdev::agent
