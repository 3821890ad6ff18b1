#include "client/tunnels/socks.h"

#include <gmock/gmock.h>

namespace rdev::tunnels {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

const std::string kGreeting = "\x05\x01\x00"s;
const std::string kOpen = "\x05\x00"s;

std::string request5(const std::string& kind_and_address, std::uint8_t command = 1) {
  return "\x05"s + static_cast<char>(command) + '\0' + kind_and_address + "\x1f\x90";
}

struct Good {
  std::string bytes;
  std::string host;
  std::string granted;
};

class SocksGood : public testing::TestWithParam<Good> {};

// Whole, and byte by byte.
TEST_P(SocksGood, GivesTheTarget) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, GetParam().bytes.size() + 5}) {
    const std::string bytes = GetParam().bytes + "early";
    Socks socks;
    std::optional<Socks::Target> target;
    std::size_t at = 0;
    for (; at < bytes.size() && !target; at += piece) {
      const auto fed = socks.feed(std::string_view(bytes).substr(at, piece));
      ASSERT_TRUE(fed) << fed.error().message;
      target = *fed;
    }
    ASSERT_TRUE(target);
    EXPECT_EQ(target->host, GetParam().host);
    EXPECT_EQ(target->port, 8080U);
    EXPECT_EQ(socks.rest() + bytes.substr(std::min(at, bytes.size())), "early");
    EXPECT_EQ(socks.granted(), GetParam().granted);
  }
}

const std::string kGranted5 = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"s;
const std::string kGranted4 = "\x00\x5a\x00\x00\x00\x00\x00\x00"s;

INSTANTIATE_TEST_SUITE_P(
    Table, SocksGood,
    testing::Values(
        Good{kGreeting + request5("\x03\x08only.job"s), "only.job", kGranted5},
        Good{"\x05\x03\x02\x01\x00"s + request5("\x01\x7f\x00\x00\x01"s), "127.0.0.1", kGranted5},
        Good{kGreeting + request5("\x04"s + std::string(15, '\0') + "\x01"), "::1", kGranted5},
        Good{"\x04\x01\x1f\x90\x7f\x00\x00\x01me\x00"s, "127.0.0.1", kGranted4},
        Good{"\x04\x01\x1f\x90\x00\x00\x00\x01\x00only.job\x00"s, "only.job", kGranted4}));

TEST(Socks, AnswersTheGreetingOnce) {
  Socks socks;
  const auto fed = socks.feed(kGreeting);
  ASSERT_TRUE(fed);
  EXPECT_FALSE(*fed);
  EXPECT_EQ(socks.answer(), kOpen);
  EXPECT_EQ(socks.answer(), "");
}

TEST(Socks, SaysWhyItRefuses) {
  Socks socks;
  ASSERT_TRUE(socks.feed(kGreeting + request5("\x03\x01x"s)));
  EXPECT_EQ(socks.refused(Code::kPermission)[1], 2);
  EXPECT_EQ(socks.refused(Code::kNotFound)[1], 4);
  EXPECT_EQ(socks.refused(Code::kUnavailable)[1], 5);
  EXPECT_EQ(socks.refused(Code::kTimeout)[1], 1);
  Socks old;
  ASSERT_TRUE(old.feed("\x04\x01\x1f\x90\x7f\x00\x00\x01\x00"s));
  EXPECT_EQ(old.refused(Code::kNotFound), "\x00\x5b\x00\x00\x00\x00\x00\x00"s);
}

struct Bad {
  std::string bytes;
  std::string answer;  // its first two bytes
  const char* says;
};

class SocksBad : public testing::TestWithParam<Bad> {};

TEST_P(SocksBad, IsToldSo) {
  Socks socks;
  const auto fed = socks.feed(GetParam().bytes);
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr(GetParam().says));
  const std::string answer = socks.answer();
  EXPECT_EQ(answer.substr(answer.starts_with(kOpen) && answer.size() > 2 ? 2 : 0, 2),
            GetParam().answer);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SocksBad,
    testing::Values(
        Bad{"GET / HTTP/1.1\r\n\r\n", "", "does not speak SOCKS"},
        Bad{"\x05\x01\x02", "\x05\xff", "authenticate"},
        Bad{kGreeting + request5("\x01\x7f\x00\x00\x01"s, 2), "\x05\x07", "no BIND, no UDP"},
        Bad{kGreeting + request5("\x01\x7f\x00\x00\x01"s, 3), "\x05\x07", "no BIND, no UDP"},
        Bad{kGreeting + request5("\x02xxxxx"s), "\x05\x08", "kind of address"},
        Bad{kGreeting + request5("\x03\x00"s), "\x05\x01", "without a host"},
        Bad{kGreeting + request5("\x03\x03"s + "a\0b"s), "\x05\x01", "without a host"},
        Bad{kGreeting + "\x05\x01\x00\x03\x01x\x00\x00"s, "\x05\x01", "or a port"},
        Bad{kGreeting + "\x04\x01\x00\x03\x01x\x00\x01"s, "\x05\x01", "another version"},
        Bad{"\x04\x02\x1f\x90\x7f\x00\x00\x01\x00"s, "\x00\x5b"s, "no BIND"},
        Bad{"\x04\x01\x1f\x90\x00\x00\x00\x01\x00\x00"s, "\x00\x5b"s, "without a host"},
        Bad{"\x04\x01\x1f\x90\x00\x00\x00\x01\x00"s + std::string(2000, 'x'), "\x00\x5b"s,
            "too long"},
        Bad{"\x04\x01\x1f\x90\x00\x00\x00\x01"s + std::string(2000, 'x'), "\x00\x5b"s,
            "too long"}));

}  // namespace
}  // namespace rdev::tunnels
