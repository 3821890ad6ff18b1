#include "protocol/stream/portion.h"

#include <gtest/gtest.h>

namespace rdev::stream {
namespace {

using std::chrono::microseconds;

TEST(Portion, IsSmallWhereItTakesLong) {
  Portion portion(1000, 8000);
  EXPECT_EQ(portion.size(), 8000U);
  for (int i = 0; i < 10; ++i) {
    portion.took(portion.size(), microseconds(5000));
  }
  EXPECT_EQ(portion.size(), 1000U);
  portion.took(1000, microseconds(1000));
  EXPECT_EQ(portion.size(), 1000U);
  portion.took(999, microseconds(10));  // there was no more
  EXPECT_EQ(portion.size(), 1000U);
  for (int i = 0; i < 10; ++i) {
    portion.took(portion.size(), microseconds(100));
  }
  EXPECT_EQ(portion.size(), 8000U);
}

}  // namespace
}  // namespace rdev::stream
