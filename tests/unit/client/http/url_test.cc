#include "client/http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::http {
namespace {

using ::testing::HasSubstr;

TEST(Base, IsTakenApart) {
  const struct {
    const char *url, *host, *port, *path, *text;
  } kCases[] = {
      {"https://pai.example.com", "pai.example.com", "443", "", "https://pai.example.com"},
      {"http://pai/rest-server/", "pai", "80", "/rest-server", "http://pai/rest-server"},
      {"http://10.0.0.1:9186", "10.0.0.1", "9186", "", "http://10.0.0.1:9186"},
      {"https://[::1]:8443/a%20b", "::1", "8443", "/a%20b", "https://[::1]:8443/a%20b"},
      {"HTTPS://pai:/", "pai", "443", "", "https://pai"},
  };
  for (const auto& test : kCases) {
    const auto base = parse_base(test.url);
    ASSERT_TRUE(base) << test.url << ": " << base.error().message;
    EXPECT_EQ(base->host, test.host);
    EXPECT_EQ(base->port, test.port);
    EXPECT_EQ(base->path, test.path);
    EXPECT_EQ(base->text(), test.text);
  }
}

TEST(Base, ThatIsNoneIsRefused) {
  for (const char* url : {"", "pai", "ftp://pai", "https://", "https:///x", "http://a b", "//pai",
                          "http://pai:x", "http://pai:70000", "http://pai/?x", "http://pai/#x"}) {
    const auto base = parse_base(url);
    ASSERT_FALSE(base) << url;
    EXPECT_EQ(base.error().code, Code::kUsage);
  }
  const auto secret = parse_base("https://alice:geheim@pai");
  ASSERT_FALSE(secret);
  EXPECT_THAT(secret.error().message, Not(HasSubstr("geheim")));
}

TEST(Url, IsSplitBehindItsServer) {
  const auto target = parse_url("https://blob.example.com/log?sig=a%2Fb&x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->base.text(), "https://blob.example.com");
  EXPECT_EQ(target->rest, "/log?sig=a%2Fb&x");
  EXPECT_EQ(parse_url("http://h").value().rest, "/");
}

}  // namespace
}  // namespace rdev::http
