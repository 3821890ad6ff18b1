#include "client/cluster/openpai/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

TEST(Login, OfTheRealServer) {
  const auto login = parse_login(sample("v18-login"));
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->user, "admin");
  EXPECT_EQ(login->token, "<header>.<payload>.<signature>");
  EXPECT_TRUE(login->admin);
}

TEST(Login, TokensThatFitNoHeaderAreRefusedAndNotQuoted) {
  for (const std::string& token :
       {std::string(), std::string("a b"), std::string("hidden\\r\\nX: y"),
        std::string("hidd\\u00e9n"), std::string(20'000, 'h')}) {
    const auto login = parse_login(R"({"user":"a","token":")" + token + "\"}");
    ASSERT_FALSE(login) << token;
    EXPECT_EQ(login.error().code, Code::kProtocol);
    EXPECT_THAT(login.error().message, Not(HasSubstr("hidd")));
  }
  EXPECT_FALSE(parse_login(R"({"user":"a","token":7})"));
  EXPECT_FALSE(parse_login(R"({"user":"","token":"t"})"));
  EXPECT_FALSE(parse_login(R"({"token":"t"})"));
  EXPECT_FALSE(parse_login(R"({"user":"a\u001b","token":"t"})"));
  EXPECT_THAT(parse_login(R"({"token":"hidden" "x)").error().message, Not(HasSubstr("hidden")));
}

TEST(Claims, OfTheRealServersCheck) {
  const auto claims = parse_claims(sample("v18-tokens-check"));
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->username, "admin");
  EXPECT_FALSE(claims->application);
  EXPECT_EQ(claims->expires_unix_s, 1795899750);
}

// Encoded by `basenc --base64url`.
TEST(Claims, OfTokens) {
  const std::string head = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
  // {"username":"bob","application":false,"iat":1795294950,"exp":1795899750}
  const auto browser = token_claims(head +
                                    "eyJ1c2VybmFtZSI6ImJvYiIsImFwcGxpY2F0aW9uIjpmYWxzZSwiaWF0IjoxNz"
                                    "k1Mjk0OTUwLCJleHAiOjE3OTU4OTk3NTB9.c2ln");
  ASSERT_TRUE(browser) << browser.error().message;
  EXPECT_EQ(browser->username, "bob");
  EXPECT_EQ(browser->expires_unix_s, 1795899750);
  // {"username":"b?>~","application":true}
  const auto forever =
      token_claims(head + "eyJ1c2VybmFtZSI6ImI_Pn4iLCJhcHBsaWNhdGlvbiI6dHJ1ZX0.c2ln");
  ASSERT_TRUE(forever) << forever.error().message;
  EXPECT_EQ(forever->username, "b?>~");
  EXPECT_TRUE(forever->application);
  EXPECT_EQ(forever->expires_unix_s, std::nullopt);
}

TEST(Claims, WhatIsNoTokenIsNotQuoted) {
  for (const char* token :
       {"", "hidden", "hidden.hidden", "hidden.hidden.hidden", "a.hidden.c.d", "a.hid den.c",
        "a.aGlkZGVu.c", "a.e30.c", "a.eyJ1c2VybmFtZSI6MX0.c", "a.eyJ1.c=", "a..c",
        // {"username":"bob","exp":"soon"}
        "a.eyJ1c2VybmFtZSI6ImJvYiIsImV4cCI6InNvb24ifQ.c"}) {
    const auto claims = token_claims(token);
    ASSERT_FALSE(claims) << token;
    EXPECT_THAT(claims.error().message, Not(HasSubstr("hid")));
  }
}

TEST(Claims, ExpiresIn) {
  EXPECT_EQ(expires_in({.username = "a"}, 100), std::nullopt);
  EXPECT_EQ(expires_in({.username = "a", .expires_unix_s = 160}, 100), seconds(60));
  EXPECT_EQ(expires_in({.username = "a", .expires_unix_s = 100}, 100), seconds(0));
  EXPECT_EQ(expires_in({.username = "a", .expires_unix_s = -5}, 100), seconds(0));
  const auto max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(expires_in({.username = "a", .expires_unix_s = max}, -1), seconds::max());
}

}  // namespace
}  // namespace rdev::cluster::openpai
