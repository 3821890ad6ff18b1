#include "client/link/pulse.h"

#include <gtest/gtest.h>

#include "client/link/pacing.h"

namespace rdev::link_process {
namespace {

using std::chrono::milliseconds;

struct PulseTest : testing::Test {
  static Pulse::Time at(double seconds) {
    return Pulse::Time() + milliseconds(static_cast<int>(seconds * 1000));
  }
  Pulse pulse{{.silence = milliseconds(10000), .dead = milliseconds(30000)}, at(0)};
};

TEST_F(PulseTest, AnIdleConnectionIsAskedAndThenDoubted) {
  EXPECT_EQ(pulse.next(at(0)), at(2.5));  // whether data waits now
  EXPECT_EQ(pulse.next(at(2.5)), at(7.5));
  EXPECT_FALSE(pulse.probe_due(at(7.4)));
  EXPECT_TRUE(pulse.probe_due(at(7.5)));
  pulse.probed(at(7.5));
  EXPECT_FALSE(pulse.probe_due(at(8)));
  EXPECT_EQ(pulse.next(at(7.5)), at(10));
  EXPECT_FALSE(pulse.doubted(at(9.9)));
  EXPECT_EQ(pulse.doubt(at(9.9)), "");
  EXPECT_TRUE(pulse.doubted(at(10)));
  EXPECT_EQ(pulse.doubt(at(10.2)), "nothing heard for 10.2 s");
}

TEST_F(PulseTest, DataThatWaitsHalvesThePatience) {
  pulse.wrote(at(1));
  EXPECT_EQ(pulse.next(at(1)), at(2.5));
  EXPECT_TRUE(pulse.probe_due(at(2.5)));
  pulse.probed(at(2.5));
  EXPECT_FALSE(pulse.doubted(at(4.9)));
  EXPECT_TRUE(pulse.doubted(at(5)));
}

TEST_F(PulseTest, WhatIsWrittenAfterALongPauseHasTimeForAnAnswer) {
  pulse.wrote(at(4.9));
  EXPECT_FALSE(pulse.probe_due(at(5.8)));
  EXPECT_TRUE(pulse.probe_due(at(5.9)));
  pulse.probed(at(5.9));
  EXPECT_FALSE(pulse.doubted(at(8.3)));
  EXPECT_TRUE(pulse.doubted(at(8.4)));
}

TEST_F(PulseTest, ASlowLineHasTwoRoundTrips) {
  pulse.round_trip(milliseconds(2000));
  pulse.wrote(at(0));
  pulse.probed(at(2.5));
  EXPECT_FALSE(pulse.doubted(at(6.4)));
  EXPECT_TRUE(pulse.doubted(at(6.5)));
}

TEST_F(PulseTest, WhatIsHeardInTimeKeepsItGood) {
  pulse.wrote(at(1));
  pulse.probed(at(2.5));
  EXPECT_FALSE(pulse.heard(at(4.9)));
  EXPECT_FALSE(pulse.doubted(at(5)));
  EXPECT_EQ(pulse.next(at(5)), at(7.4));
}

TEST_F(PulseTest, WhatIsHeardInDoubtProvesOneDirectionOnly) {
  pulse.wrote(at(1));
  pulse.probed(at(2.5));
  EXPECT_TRUE(pulse.doubted(at(7)));
  EXPECT_TRUE(pulse.heard(at(7)));
  EXPECT_TRUE(pulse.doubted(at(7)));
  EXPECT_EQ(pulse.doubt(at(8)), "nothing heard for 7.0 s");
  EXPECT_FALSE(pulse.heard(at(8)));  // it has been asked
  pulse.answered();
  EXPECT_FALSE(pulse.doubted(at(8)));
}

TEST_F(PulseTest, OnlyTheAnswerEndsAChallenge) {
  pulse.challenged(at(1), "an address came", milliseconds(100));
  pulse.probed(at(1));
  EXPECT_EQ(pulse.next(at(1)), at(1.1));
  EXPECT_FALSE(pulse.doubted(at(1.05)));
  EXPECT_FALSE(pulse.heard(at(1.05)));
  EXPECT_TRUE(pulse.doubted(at(1.1)));
  EXPECT_EQ(pulse.doubt(at(1.1)), "an address came");
  pulse.challenged(at(1.2), "a route changed", milliseconds(100));
  EXPECT_TRUE(pulse.doubted(at(1.2)));
  pulse.answered();
  EXPECT_FALSE(pulse.doubted(at(1.3)));
}

TEST_F(PulseTest, IsDeadInTheEnd) {
  EXPECT_FALSE(pulse.dead(at(29.9)));
  EXPECT_TRUE(pulse.dead(at(30)));
}

TEST_F(PulseTest, ItsOwnSleepIsNoSilence) {
  pulse.wrote(at(1));
  pulse.slept(milliseconds(60000));
  EXPECT_FALSE(pulse.dead(at(62)));
  EXPECT_FALSE(pulse.probe_due(at(62)));
  EXPECT_TRUE(pulse.probe_due(at(62.5)));
}

TEST(Pacing, IsBriskForAMinuteAndThenRarer) {
  const Pacing::Time start;
  Pacing pacing(milliseconds(1000), milliseconds(60000), milliseconds(10000));
  pacing.restart(start);
  EXPECT_EQ(pacing.due(), start);
  int tries = 0;
  while (pacing.due() < start + milliseconds(60000)) {
    const auto now = pacing.due();
    pacing.tried(now, 0.5);
    EXPECT_EQ(pacing.due() - now, milliseconds(1000));
    ++tries;
  }
  EXPECT_EQ(tries, 60);
  for (const int pause : {1000, 2000, 4000, 8000, 10000, 10000}) {
    const auto now = pacing.due();
    pacing.tried(now, 0.5);
    EXPECT_EQ(pacing.due() - now, milliseconds(pause));
  }
  const auto later = pacing.due() - milliseconds(5000);
  pacing.restart(later);
  EXPECT_EQ(pacing.due(), later);
  pacing.tried(later, 0.5);
  EXPECT_EQ(pacing.due(), later + milliseconds(1000));
}

}  // namespace
}  // namespace rdev::link_process
