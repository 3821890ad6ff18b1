#include "client/carrier/host.h"

#include <gtest/gtest.h>

namespace rdev::carrier {
namespace {

TEST(Host, IsTakenApart) {
  const struct {
    const char *text, *user, *host, *port;
  } kCases[] = {
      {"login", "", "login", ""},
      {"alice@login.example.com", "alice", "login.example.com", ""},
      {"a@b@login:22", "a@b", "login", "22"},
      {"10.0.0.1:2222", "", "10.0.0.1", "2222"},
      {"[::1]:22", "", "::1", "22"},
      {"x@[fe80::1]", "x", "fe80::1", ""},
      {"fe80::1", "", "fe80::1", ""},
  };
  for (const auto& test : kCases) {
    const auto host = parse_host(test.text);
    ASSERT_TRUE(host) << test.text;
    EXPECT_EQ(host->user, test.user) << test.text;
    EXPECT_EQ(host->host, test.host) << test.text;
    EXPECT_EQ(host->port, test.port) << test.text;
  }
}

TEST(Host, ThatIsNoneOrAnOptionIsRefused) {
  for (const char* text : {"", "@h", "-oProxyCommand=x", "a@-x", "h:0", "h:65536", "h:x",
                           "h:", "[::1", "[::1]22", "a b", "h\n"}) {
    const auto host = parse_host(text);
    ASSERT_FALSE(host) << text;
    EXPECT_EQ(host.error().code, Code::kUsage);
  }
}

}  // namespace
}  // namespace rdev::carrier
