#include "client/ui/units.h"

#include <gtest/gtest.h>

#include <map>

namespace rdev::ui {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Size, IsReadAsDockerReadsIt) {
  const std::pair<const char*, std::uint64_t> table[] = {
      {"1", 1},
      {"512m", 512ULL << 20U},
      {"8g", 8ULL << 30U},
      {"8G", 8ULL << 30U},
      {"8GiB", 8ULL << 30U},
      {"8gb", 8ULL << 30U},
      {"1.5k", 1536},
      {"2t", 2ULL << 40U},
      {"10b", 10},
  };
  for (const auto& [text, bytes] : table) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, bytes) << text;
  }
  for (const char* bad : {"", "g", "8x", "-1", "8 g", "0", "1e9", "8gg", "inf", "nan", "0x10",
                          "9999999999t", "8bb", "+8g"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(Lifetime, HasUnitsAndAnEnd) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"5h", 18000},  {"90m", 5400}, {"1h30m", 5400},
      {"2d", 172800}, {"45s", 45},   {"3650d", 315360000},
  };
  for (const auto& [text, wanted] : table) {
    const auto lifetime = parse_lifetime(text);
    ASSERT_TRUE(lifetime && *lifetime) << text;
    EXPECT_EQ((*lifetime)->count(), wanted) << text;
  }
  const auto none = parse_lifetime("none");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  for (const char* bad : {"", "5", "h", "5x", "-1h", "0s", "3651d", "99999999999999999999h",
                          "1h 2m", "1.5h", "nonee"}) {
    EXPECT_FALSE(parse_lifetime(bad)) << bad;
  }
}

TEST(Format, FitsTheMagnitude) {
  EXPECT_EQ(format_elapsed(milliseconds(417)), "0.42 s");
  EXPECT_EQ(format_elapsed(milliseconds(12340)), "12.3 s");
  EXPECT_EQ(format_elapsed(seconds(65)), "1 m 05 s");
  EXPECT_EQ(format_age(seconds(-5)), "0s");
  EXPECT_EQ(format_age(seconds(59)), "59s");
  EXPECT_EQ(format_age(seconds(3599)), "59m");
  EXPECT_EQ(format_age(seconds(3600 * 5 + 180)), "5h03m");
  EXPECT_EQ(format_age(seconds(86400 * 2 + 3600 * 4)), "2d04h");
  const std::map<std::uint64_t, std::string> sizes = {
      {0, "0 B"},           {999, "999 B"},      {1000, "1.0 kB"},
      {9949, "9.9 kB"},     {9951, "10 kB"},     {300'000, "300 kB"},
      {999'499, "999 kB"},  {999'500, "1.0 MB"}, {1'234'567, "1.2 MB"},
      {UINT64_MAX, "18 EB"}};
  for (const auto& [bytes, wanted] : sizes) {
    EXPECT_EQ(format_bytes(bytes), wanted) << bytes;
  }
}

TEST(Ago, IsWhatPeopleSay) {
  using std::chrono::seconds;
  EXPECT_EQ(format_ago(seconds(-5)), "just now");
  EXPECT_EQ(format_ago(seconds(1)), "just now");
  EXPECT_EQ(format_ago(seconds(59)), "59 s ago");
  EXPECT_EQ(format_ago(seconds(60)), "1 min ago");
  EXPECT_EQ(format_ago(seconds(3 * 3600 + 59)), "3 h ago");
  EXPECT_EQ(format_ago(seconds(47 * 3600)), "47 h ago");
  EXPECT_EQ(format_ago(seconds(48 * 3600)), "2 d ago");
}

}  // namespace
}  // namespace rdev::ui
