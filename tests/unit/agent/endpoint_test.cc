#include "agent/endpoint.h"

#include <gtest/gtest.h>

namespace rdev::agent {
namespace {

TEST(ParseEndpoint, GoesBothWays) {
  for (const char* good : {"0.0.0.0:2222", "127.0.0.1:0", "[::]:65535", "[fe80::1]:22"}) {
    const auto endpoint = parse_endpoint(good);
    ASSERT_TRUE(endpoint) << endpoint.error().message;
    EXPECT_EQ(text(*endpoint), good);
  }
}

TEST(ParseEndpoint, RefusesTheRest) {
  for (const char* bad : {"", ":", "2222", ":2222", "localhost:2222", "127.0.0.1",
                          "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:22x",
                          "::1:22", "[::1]", "[127.0.0.1]:22", "[]:22", "[:22", "1.2.3:22"}) {
    const auto endpoint = parse_endpoint(bad);
    ASSERT_FALSE(endpoint) << bad;
    EXPECT_EQ(endpoint.error().code, Code::kUsage);
  }
}

}  // namespace
}  // namespace rdev::agent
