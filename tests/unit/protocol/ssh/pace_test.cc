#include "protocol/ssh/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace rdev::ssh {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using Microseconds = Pace::Microseconds;

// A path of 50 ms with a narrow point and a queue in front of it, and a sender with a window that
// only grows, as that of a TCP that sees no loss. What it hears is as old as the path is long.
struct PaceTest : testing::Test {
  struct Heard {
    double arrived;
    Microseconds waiting;
  };

  void pass(milliseconds time) {
    constexpr milliseconds kStep{1};
    for (auto end = now + time; now < end; now += kStep) {
      const double step = duration<double>(kStep).count();
      window *= 1 + 0.2 * step;
      const auto age = static_cast<std::size_t>(base / kStep);
      const Heard heard = news.size() > age ? news[news.size() - age] : Heard{};
      const double limit = pace.limit() ? static_cast<double>(*pace.limit()) : wants;
      const double sends = std::min(std::min(wants, limit) * step, window - (sent - heard.arrived));
      sent += std::max(0.0, sends);
      const double queue = sent - arrived;
      const double share = queue > 0 ? queue / (queue + others) : 0;
      news.push_back({.arrived = arrived, .waiting = waiting()});
      arrived += std::min(queue, rate * step * share);
      (void)pace.look(now, {.round_trip = base + heard.waiting + noise(),
                            .shortest = base,
                            .acknowledged = static_cast<std::uint64_t>(heard.arrived),
                            .busy = busy});
    }
  }
  // In the queue.
  Microseconds waiting() const {
    return Microseconds(static_cast<std::int64_t>((sent - arrived + others) / rate * 1e6));
  }
  // As of radio, or of a machine that is busy.
  Microseconds noise() {
    return Microseconds(
        static_cast<std::int64_t>(static_cast<double>(random() % 1000) / 1000 * most_noise));
  }
  double passed(milliseconds time) {
    const double before = arrived;
    pass(time);
    return (arrived - before) / duration<double>(time).count();
  }

  Pace pace;
  Pace::Time now;
  std::vector<Heard> news;
  Microseconds base{50000};
  double rate = 12.5e6;  // of the narrow point, bytes a second
  double wants = 100e6;
  double window = 1e6;
  double sent = 0, arrived = 0;
  double others = 0;  // what somebody else keeps in the queue
  bool busy = true;
  double most_noise = 0;  // microseconds
  std::minstd_rand random;
};

TEST_F(PaceTest, LimitsNothingThatWaitsForNothing) {
  wants = 5e6;
  pass(milliseconds(5000));
  EXPECT_FALSE(pace.limit());
  EXPECT_NEAR(static_cast<double>(pace.rate()), 5e6, 1e5);
}

TEST_F(PaceTest, KeepsTheQueueShortAndTheLineFull) {
  window = 2e6;
  pass(milliseconds(3000));
  Microseconds most{0};
  const double before = arrived;
  for (int i = 0; i < 5000; ++i) {
    pass(milliseconds(1));
    most = std::max(most, waiting());
  }
  EXPECT_LE(most, Pace::kMostQueue * 3 / 2);
  EXPECT_GT((arrived - before) / 5, 0.97 * rate);
}

TEST_F(PaceTest, FollowsALineThatBecomesSlower) {
  window = 2e6;
  pass(milliseconds(3000));
  rate /= 10;
  pass(milliseconds(5000));
  EXPECT_LE(waiting(), 2 * Pace::kMostQueue);
  EXPECT_GT(passed(milliseconds(1000)), 0.9 * rate);
}

TEST_F(PaceTest, FollowsALineThatBecomesFaster) {
  window = 2e6;
  rate /= 10;
  pass(milliseconds(3000));
  rate *= 10;
  pass(milliseconds(3000));
  EXPECT_GT(passed(milliseconds(1000)), 0.9 * rate);
}

TEST_F(PaceTest, ALongerPathIsNoQueue) {
  window = 2e6;
  pass(milliseconds(3000));
  for (const int longer : {20, 80, 300, 80}) {
    base = milliseconds(longer);
    pass(milliseconds(5000));
    EXPECT_GT(passed(milliseconds(2000)), 0.85 * std::min(rate, window * 1e3 / longer)) << longer;
  }
}

TEST_F(PaceTest, DoesNotGiveWayForEverToSomebodyElsesQueue) {
  window = 2e6;
  pass(milliseconds(3000));
  others = rate / 10;  // 100 ms
  pass(milliseconds(3000));
  EXPECT_GT(passed(milliseconds(5000)), 0.1 * rate);
}

TEST_F(PaceTest, UnsteadyRoundTripsDoNotStarveIt) {
  window = 2e6;
  for (const double most : {5e3, 20e3, 60e3}) {
    most_noise = most;
    pass(milliseconds(2000));
    EXPECT_GT(passed(milliseconds(20000)), 0.7 * rate) << most;
  }
}

TEST_F(PaceTest, LearnsNothingFromAPause) {
  window = 2e6;
  pass(milliseconds(3000));
  const auto limit = *pace.limit();
  busy = false;
  wants = 1000;
  pass(milliseconds(3000));
  EXPECT_EQ(pace.limit(), limit);
}

}  // namespace
}  // namespace rdev::ssh
