#include "protocol/link/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>
#include <vector>

namespace rdev::link {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using Microseconds = Pace::Microseconds;

// A path with a narrow point and a queue in front of it, and a sender with a window that grows as
// that of a TCP that sees no loss: it doubles each round trip at first, then it grows slowly.
// Its kernel holds 32 KiB or 2 ms.
struct Line {
  static constexpr milliseconds kStep{1};

  struct Mark {
    Pace::Time sent;
    double bytes;
    std::optional<Pace::Time> heard;  // when the sender hears of it
    Microseconds arrived;
  };

  void pass(milliseconds time) {
    for (const auto end = now + time; now < end; now += kStep) {
      step(duration<double>(kStep).count());
    }
  }

  void step(double step) {
    const double limit = pace.limit() ? static_cast<double>(*pace.limit()) : 1e12;
    written += std::clamp(sent + std::max(32768.0, rate / 500) - written, 0.0,
                          std::min(limit, wants) * step);
    acknowledged.push_back(arrived);
    const auto age = static_cast<std::size_t>(base / kStep);
    const double known = acknowledged.size() > age ? acknowledged[acknowledged.size() - age] : 0;
    const double sends = std::clamp(window - (sent - known), 0.0, written - sent);
    window += (window < slow_start ? known - known_ : 0) + (sends > 0 ? 0.1 * window * step : 0);
    known_ = known;
    sent += sends;
    const double queue = sent - arrived;
    const double share = queue > 0 ? queue / (queue + others) : 0;
    arrived += std::min(queue, rate * step * share);
    if (now >= held_until) {
      delivered = arrived;
    }
    pass_marks();
  }

  void pass_marks() {
    if (now - marked_at >= milliseconds(5) && written - marked >= 16384) {
      marks.push_back({.sent = now, .bytes = written, .heard = {}, .arrived = {}});
      marked = written;
      marked_at = now;
    }
    for (Mark& mark : marks) {
      if (!mark.heard && mark.bytes <= delivered) {
        const auto way = base / 2 + noise();
        mark.heard = now + base + noise();
        mark.arrived =
            std::chrono::duration_cast<Microseconds>((now + way).time_since_epoch() * (1 + drift)) -
            std::chrono::hours(1);
      }
    }
    while (!without_pace && !marks.empty() && marks.front().heard && *marks.front().heard <= now) {
      const Mark& mark = marks.front();
      (void)pace.arrived(now,
                         {.sent = mark.sent,
                          .arrived = mark.arrived,
                          .bytes = static_cast<std::uint64_t>(mark.bytes),
                          .busy = busy},
                         static_cast<std::uint64_t>(written));
      marks.pop_front();
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
  // What comes meanwhile is delivered in one piece at the end: as after a lost packet, or on a
  // machine that has other things to do.
  void hold(milliseconds time) { held_until = now + time; }
  double passed(milliseconds time) {
    const double before = arrived;
    pass(time);
    return (arrived - before) / duration<double>(time).count();
  }
  // Of so many milliseconds, the one that only a hundredth is above.
  Microseconds long_wait(int time) {
    std::vector<Microseconds> waits;
    for (int i = 0; i < time; ++i) {
      pass(milliseconds(1));
      waits.push_back(waiting());
    }
    std::sort(waits.begin(), waits.end());
    return waits[waits.size() * 99 / 100];
  }

  Pace pace;
  Pace::Time now{std::chrono::hours(100)};
  Microseconds base{50000};
  double rate = 12.5e6;  // of the narrow point, bytes a second
  double wants = 1e9;
  double window = 15000, slow_start = 2e6;
  double written = 0, sent = 0, arrived = 0, known_ = 0;
  std::vector<double> acknowledged;
  double delivered = 0;  // of what has arrived
  Pace::Time held_until;
  std::deque<Mark> marks;
  double marked = 0;
  Pace::Time marked_at;
  double others = 0;  // what somebody else keeps in the queue
  bool busy = true;
  bool without_pace = false;
  double most_noise = 0;  // microseconds
  double drift = 0;       // of the peer's clock
  std::minstd_rand random;
};

// On which the slow start ends with a queue as long as the path.
Line line_of(double rate, milliseconds length) {
  Line line;
  line.rate = rate;
  line.base = length;
  line.slow_start = 2 * rate * duration<double>(length).count();
  return line;
}

TEST(Pace, LimitsNothingThatWaitsForNothing) {
  Line line;
  line.wants = 5e6;
  line.pass(milliseconds(5000));
  EXPECT_FALSE(line.pace.limit());
}

TEST(Pace, DoesNotStopASlowStart) {
  for (const int length : {20, 100, 300}) {
    Line line, free;
    free.without_pace = true;
    for (Line* one : {&line, &free}) {
      one->rate = 125e6;
      one->base = milliseconds(length);
      one->slow_start = 0;
      one->wants = 1e5;  // little: so it is known how short the path is
      one->busy = false;
      one->pass(milliseconds(2000));
      one->slow_start = one->wants = 1e9;
      one->busy = true;
      one->pass(milliseconds(15 * length));
    }
    EXPECT_GT(line.arrived, 0.7 * free.arrived) << length;
  }
}

TEST(Pace, KeepsTheQueueShortAndTheLineFull) {
  for (const double speed : {1e6, 12.5e6, 125e6}) {
    for (const int length : {2, 20, 50, 170}) {
      Line line = line_of(speed, milliseconds(length));
      line.pass(milliseconds(15000));
      const double before = line.arrived;
      EXPECT_LE(line.long_wait(20000), Pace::most_queue(line.rate) * 3 / 2)
          << speed << " " << length;
      EXPECT_GT((line.arrived - before) / 20, 0.95 * line.rate) << speed << " " << length;
    }
  }
}

TEST(Pace, FollowsALineThatBecomesSlower) {
  Line line;
  line.pass(milliseconds(3000));
  line.rate /= 10;
  line.pass(milliseconds(8000));
  EXPECT_LE(line.waiting(), 2 * Pace::most_queue(line.rate));
  EXPECT_GT(line.passed(milliseconds(1000)), 0.85 * line.rate);
}

TEST(Pace, FollowsALineThatBecomesFaster) {
  Line line;
  line.rate /= 10;
  line.pass(milliseconds(3000));
  line.rate *= 10;
  line.pass(milliseconds(5000));
  EXPECT_GT(line.passed(milliseconds(2000)), 0.9 * line.rate);
}

TEST(Pace, FollowsALongLineThatBecomesMuchFaster) {
  for (const double most_noise : {0.0, 2e3, 5e3}) {
    for (const int length : {20, 100, 170}) {
      Line line;
      line.base = milliseconds(length);
      line.most_noise = most_noise;
      line.pass(milliseconds(5000));
      line.rate = 125e6;
      line.window = 1e8;
      line.pass(milliseconds(8000));
      EXPECT_LE(line.long_wait(5000), 2 * Pace::most_queue(line.rate))
          << most_noise << " " << length;
      EXPECT_GT(line.passed(milliseconds(5000)), 0.9 * line.rate) << most_noise << " " << length;
    }
  }
}

TEST(Pace, ALongerPathIsNoQueue) {
  Line line;
  line.pass(milliseconds(3000));
  for (const int longer : {20, 80, 300, 80}) {
    line.base = milliseconds(longer);
    line.pass(milliseconds(5000));
    EXPECT_GT(line.passed(milliseconds(2000)),
              0.85 * std::min(line.rate, line.window * 1e3 / longer))
        << longer;
  }
}

TEST(Pace, ClocksThatDriftAreNoQueue) {
  for (const double one : {1e-4, -1e-4}) {
    Line line;
    line.drift = one;
    line.pass(milliseconds(5000));
    EXPECT_LE(line.long_wait(60000), 2 * Pace::most_queue(line.rate));
    EXPECT_GT(line.passed(milliseconds(5000)), 0.95 * line.rate);
  }
}

TEST(Pace, DoesNotGiveWayForEverToSomebodyElsesQueue) {
  Line line;
  line.pass(milliseconds(3000));
  line.others = line.rate / 10;  // 100 ms
  line.pass(milliseconds(3000));
  EXPECT_GT(line.passed(milliseconds(5000)), 0.1 * line.rate);
}

TEST(Pace, UnsteadyDelaysDoNotStarveIt) {
  Line line;
  for (const double most : {5e3, 20e3, 60e3}) {
    line.most_noise = most;
    line.pass(milliseconds(2000));
    EXPECT_GT(line.passed(milliseconds(20000)), 0.7 * line.rate) << most;
  }
}

TEST(Pace, APauseOfTheReaderIsNeitherASlowNorAFastLine) {
  for (const double speed : {12.5e6, 125e6}) {
    for (const int length : {20, 100, 170}) {
      for (const int held : {30, 100}) {
        Line line = line_of(speed, milliseconds(length));
        line.pass(milliseconds(5000));
        const double arrived = line.arrived;
        const auto before = line.now;
        for (int i = 0; i < 20; ++i) {
          line.hold(milliseconds(held));
          EXPECT_LE(line.long_wait(700 + 23 * i), 5 * Pace::most_queue(line.rate))
              << speed << " " << length << " " << held;
        }
        EXPECT_GT((line.arrived - arrived) / duration<double>(line.now - before).count(),
                  0.95 * line.rate)
            << speed << " " << length << " " << held;
      }
    }
  }
}

TEST(Pace, LearnsNothingFromAPause) {
  Line line;
  line.pass(milliseconds(3000));
  line.busy = false;
  line.wants = 400000;
  const auto limit = *line.pace.limit();
  line.pass(milliseconds(3000));
  EXPECT_EQ(line.pace.limit(), limit);
}

}  // namespace
}  // namespace rdev::link
