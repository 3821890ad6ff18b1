#include "agent/authorizer.h"

#include <gtest/gtest.h>

namespace rdev::agent {
namespace {

TEST(KeyAuthorizer, WantsAKnownKeyAndAUserThatItCanBecome) {
  const auto known = ssh::PrivateKey::generate().public_key();
  const auto other = ssh::PrivateKey::generate().public_key();
  KeyAuthorizer authorizer({known}, process::Account{.name = "alice", .uid = 1000});
  EXPECT_TRUE(authorizer.may_login("alice", known));
  EXPECT_TRUE(authorizer.may_login("rdev", known));
  EXPECT_FALSE(authorizer.may_login("root", known));
  EXPECT_FALSE(authorizer.may_login("alice", other));
  EXPECT_FALSE(authorizer.may_login("alice", ssh::PublicKey()));
}

}  // namespace
}  // namespace rdev::agent
