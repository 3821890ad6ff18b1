#include "client/http/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::http {
namespace {

using ::testing::HasSubstr;

std::string found(const std::string& url, const Environment& environment) {
  const auto proxy = proxy_for(parse_base(url).value(), environment);
  if (!proxy) {
    return proxy.error().message;
  }
  return *proxy ? (*proxy)->source + " " + (*proxy)->host + " " + (*proxy)->port : "none";
}

TEST(Proxy, IsFoundAsCurlFindsIt) {
  const struct {
    const char* url;
    Environment environment;
    const char* found;
  } kCases[] = {
      {"http://pai", {}, "none"},
      {"http://pai", {{"http_proxy", "http://p:3128"}}, "http_proxy p 3128"},
      {"http://pai", {{"http_proxy", "p:3128"}}, "http_proxy p 3128"},
      {"http://pai", {{"http_proxy", "p"}}, "http_proxy p 1080"},
      {"http://pai", {{"http_proxy", ""}, {"all_proxy", "p:1"}}, "all_proxy p 1"},
      {"http://pai", {{"https_proxy", "p:1"}}, "none"},
      {"https://pai", {{"HTTPS_PROXY", "p:1"}, {"all_proxy", "q:2"}}, "HTTPS_PROXY p 1"},
      {"https://pai", {{"https_proxy", "p:1"}, {"no_proxy", "pai"}}, "none"},
      {"https://pai", {{"https_proxy", "[::1]:1"}, {"NO_PROXY", "x, y"}}, "https_proxy ::1 1"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(found(test.url, test.environment), test.found) << test.url;
  }
}

TEST(Proxy, OfAnotherKindIsRefusedWithoutItsPassword) {
  const std::string said = found("https://pai", {{"all_proxy", "socks5://u:geheim@p:1"}});
  EXPECT_THAT(said, HasSubstr("all_proxy names a proxy of socks5"));
  EXPECT_THAT(said, Not(HasSubstr("geheim")));
  EXPECT_THAT(found("https://pai", {{"all_proxy", "u:ge heim@p"}}), Not(HasSubstr("heim")));
}

TEST(Proxy, GetsUserAndPassword) {
  const auto proxy =
      proxy_for(parse_base("http://pai").value(), {{"http_proxy", "http://alice:a%40b@p:3128"}});
  ASSERT_TRUE(proxy && *proxy);
  EXPECT_EQ((*proxy)->authorization, "Basic YWxpY2U6YUBi");  // alice:a@b
}

TEST(NoProxy, ListsNamesAddressesAndNetworks) {
  const struct {
    const char *list, *host;
    bool listed;
  } kCases[] = {
      {"*", "anything", true},
      {"example.com", "example.com", true},
      {"example.com", "pai.Example.com", true},
      {".example.com", "pai.example.com", true},
      {"example.com", "notexample.com", false},
      {"a,b c", "c", true},
      {"10.0.0.0/8", "10.1.2.3", true},
      {"10.0.0.0/8", "11.1.2.3", false},
      {"fd00::/8", "fd12::1", true},
      {"10.0.0.1", "10.0.0.1", true},
      {"", "pai", false},
      {",,", "pai", false},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(is_listed(test.list, test.host), test.listed) << test.list << " " << test.host;
  }
}

}  // namespace
}  // namespace rdev::http
