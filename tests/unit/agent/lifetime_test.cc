#include "agent/lifetime.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <thread>

#include "protocol/base/task_group.h"
#include "tests/unit/run.h"

namespace rdev::agent {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds, std::chrono::steady_clock;
using testing::ElementsAre, testing::HasSubstr;

class LifetimeTest : public testing::Test {
 protected:
  ~LifetimeTest() override {
    tasks_.cancel();
    test::run(context_, empty());
  }
  void start(std::optional<milliseconds> limit, std::vector<milliseconds> warnings) {
    lifetime_.emplace(context_.get_executor(),
                      LifetimeOptions{.job_name = "job",
                                      .limit = limit,
                                      .warn = [this](const auto& s) { told_.push_back(s); },
                                      .warnings = std::move(warnings)});
  }
  awaitable<bool> over() {
    co_await lifetime_->over();
    co_return true;
  }
  void follow() { tasks_.spawn("lifetime", note_end()); }
  void wait_until_over() {
    test::run(context_, empty());
    EXPECT_TRUE(over_);
  }
  void until_told(std::size_t times) {
    context_.restart();
    while (told_.size() < times) {
      ASSERT_EQ(context_.run_one_for(20s), 1U);
    }
  }
  void run_for(milliseconds time) {
    context_.restart();
    context_.run_for(time);
  }

  asio::io_context context_;
  base::TaskGroup tasks_{context_.get_executor()};
  std::vector<std::string> told_;
  std::optional<Lifetime> lifetime_;
  bool over_ = false;

 private:
  awaitable<void> note_end() {
    co_await lifetime_->over();
    over_ = true;
  }
  awaitable<bool> empty() {
    co_await tasks_.wait();
    co_return true;
  }
};

TEST_F(LifetimeTest, EndsInTime) {
  const auto before = steady_clock::now();
  start(100ms, {});
  EXPECT_EQ(lifetime_->remaining(), 1s) << "rounded up";
  EXPECT_TRUE(test::run(context_, over()));
  EXPECT_GE(steady_clock::now() - before, 100ms);
  EXPECT_EQ(lifetime_->remaining(), 0s);
  EXPECT_EQ(lifetime_->extend(1s).error().code, Code::kClosed);
}

TEST_F(LifetimeTest, AnExtensionPutsOffTheEnd) {
  const auto before = steady_clock::now();
  start(200ms, {});
  follow();
  run_for(10ms);
  EXPECT_EQ(lifetime_->extend(100ms).value(), 1s);
  wait_until_over();
  EXPECT_GE(steady_clock::now() - before, 300ms);
}

TEST_F(LifetimeTest, WarnsOnceOfEach) {
  start(300ms, {200ms, 100ms, 5s});
  EXPECT_TRUE(test::run(context_, over()));
  EXPECT_THAT(told_, ElementsAre("this job ends in 1 second; rdev extend job 2h keeps it",
                                 "this job ends in 1 second; rdev extend job 2h keeps it"))
      << "5 s were never left";
}

TEST_F(LifetimeTest, WarnsAgainAfterAnExtensionBeyondTheWarning) {
  start(400ms, {300ms});
  follow();
  until_told(1);
  ASSERT_TRUE(lifetime_->extend(200ms));
  wait_until_over();
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(LifetimeTest, AnExtensionWithinTheWarningDoesNotRepeatIt) {
  start(300ms, {200ms});
  follow();
  until_told(1);
  run_for(50ms);
  ASSERT_TRUE(lifetime_->extend(10ms));
  wait_until_over();
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(LifetimeTest, ALoopThatSleptIsToldTheLastOnly) {
  start(500ms, {450ms, 420ms, 400ms});
  follow();
  context_.poll();
  // No event could be waited for: it is the loop itself that must not run, as on a laptop that
  // sleeps.
  std::this_thread::sleep_for(150ms);
  wait_until_over();
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(LifetimeTest, SpeaksOfMinutes) {
  // The warnings are due 50 ms from now.
  start(10min + 50ms, {10min});
  follow();
  until_told(1);
  EXPECT_THAT(told_[0], HasSubstr("ends in 10 minutes;"));
}

TEST_F(LifetimeTest, SpeaksOfOneMinute) {
  start(1min + 50ms, {1min});
  follow();
  until_told(1);
  EXPECT_THAT(told_[0], HasSubstr("ends in 1 minute;"));
}

TEST_F(LifetimeTest, TellsItsEndInWords) {
  const std::pair<milliseconds, const char*> cases[] = {{10s, "job ends in 0 min"},
                                                        {125s, "job ends in 2 min"},
                                                        {2h, "job ends in 2 h"},
                                                        {49h + 5min, "job ends in 49 h 5 min"}};
  for (const auto& [limit, words] : cases) {
    start(limit, {});
    EXPECT_EQ(lifetime_->end_in_words(), words);
  }
}

TEST_F(LifetimeTest, WithoutAnEnd) {
  start(std::nullopt, {1s});
  EXPECT_EQ(lifetime_->end_in_words(), "");
  EXPECT_EQ(lifetime_->remaining(), std::nullopt);
  EXPECT_THAT(lifetime_->extend(1s).error().message, HasSubstr("no end"));
  follow();
  run_for(20ms);
  EXPECT_FALSE(over_);
}

TEST_F(LifetimeTest, RefusesWhatIsNoExtension) {
  start(100s, {});
  for (const milliseconds add : {milliseconds(0), milliseconds(-1), milliseconds::min()}) {
    EXPECT_EQ(lifetime_->extend(add).error().code, Code::kUsage) << add.count();
  }
  for (const milliseconds add : {milliseconds::max(), milliseconds(Lifetime::kMax)}) {
    EXPECT_THAT(lifetime_->extend(add).error().message, HasSubstr("ten years")) << add.count();
  }
  EXPECT_EQ(lifetime_->remaining(), 100s);
}

TEST_F(LifetimeTest, HasABoundToBeginWith) {
  start(milliseconds::max(), {});
  EXPECT_LE(*lifetime_->remaining(), Lifetime::kMax);
}

}  // namespace
}  // namespace rdev::agent
