#include "protocol/ssh/rate.h"

#include <gtest/gtest.h>

namespace rdev::ssh {
namespace {

using std::chrono::milliseconds;

struct RateTest : testing::Test {
  // For so long; whether a value came of it.
  bool pass(milliseconds time, std::uint64_t bytes_a_ms, bool busy) {
    bool known = false;
    for (const auto end = now + time; now < end; now += milliseconds(1)) {
      acknowledged += bytes_a_ms;
      known =
          rate.look(now,
                    {.round_trip = milliseconds(50), .acknowledged = acknowledged, .busy = busy}) ||
          known;
    }
    return known;
  }

  Rate rate;
  Rate::Time now;
  std::uint64_t acknowledged = 0;
};

TEST_F(RateTest, IsWhatArrivesWhileMoreWaits) {
  EXPECT_EQ(rate.value(), 0U);
  EXPECT_FALSE(pass(milliseconds(40), 10'000, true));
  EXPECT_TRUE(pass(milliseconds(200), 10'000, true));
  EXPECT_NEAR(static_cast<double>(rate.value()), 10e6, 0.1e6);
  pass(milliseconds(200), 2'000, true);
  EXPECT_NEAR(static_cast<double>(rate.value()), 2e6, 0.1e6);
}

TEST_F(RateTest, AnIdleSenderSaysNothing) {
  pass(milliseconds(200), 10'000, true);
  pass(milliseconds(60), 10, false);
  EXPECT_FALSE(pass(milliseconds(1000), 10, false));
  EXPECT_NEAR(static_cast<double>(rate.value()), 10e6, 0.1e6);
}

}  // namespace
}  // namespace rdev::ssh
