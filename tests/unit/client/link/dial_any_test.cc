#include <gmock/gmock.h>

#include <vector>

#include "client/cluster/of_record.h"
#include "tests/unit/client/link/link_lab.h"

namespace rdev::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Knows endpoints only; those that answer are in `alive`.
struct FakeCluster final : Cluster {
  std::vector<Endpoint> current, alive, dialled;
  JobStatus job{.state = JobState::kRunning};

  Result<void> check(const JobSpec&) const override { return {}; }
  awaitable<Result<JobRef>> submit(const JobSpec&, Progress) override { co_return JobRef(); }
  awaitable<Result<JobStatus>> status(const JobRef&) override { co_return job; }
  awaitable<Result<std::vector<Endpoint>>> endpoints(const JobRef&) override { co_return current; }
  awaitable<Result<base::Fd>> dial(const JobRef&, const Endpoint& endpoint) override {
    dialled.push_back(endpoint);
    if (std::find(alive.begin(), alive.end(), endpoint) == alive.end()) {
      co_return fail(Code::kUnavailable, "connection refused");
    }
    co_return std::move(test::socket_pair().first);
  }
  awaitable<Result<void>> logs(const JobRef&, Follow, LogSink) override {
    co_return Result<void>{};
  }
  awaitable<Result<void>> stop(const JobRef&) override { co_return Result<void>{}; }
  awaitable<Result<std::vector<ListedJob>>> list(const std::string&) override {
    co_return std::vector<ListedJob>();
  }
};

struct DialAny : testing::Test {
  Result<Dialled> dial() {
    test::run(context, keep(cluster, record, result));
    return std::move(result);
  }
  static awaitable<void> keep(Cluster& cluster, const state::JobRecord& record,
                              Result<Dialled>& result) {
    result = co_await dial_any(cluster, record);
  }

  asio::io_context context;
  FakeCluster cluster;
  state::JobRecord record{.name = "train", .endpoints = {"tcp:a", "tcp:b"}};
  Result<Dialled> result = fail(Code::kFailed, "not dialled");
};

TEST_F(DialAny, TakesTheFirstThatAnswers) {
  cluster.alive = {"tcp:b", "tcp:c"};
  const auto dialled = dial();
  ASSERT_TRUE(dialled);
  EXPECT_EQ(dialled->endpoint, "tcp:b");
  EXPECT_THAT(cluster.dialled, ElementsAre("tcp:a", "tcp:b"));
}

TEST_F(DialAny, AsksTheClusterWhenNoneDoes) {
  cluster.current = {"tcp:c"};
  cluster.alive = {"tcp:c"};
  const auto dialled = dial();
  ASSERT_TRUE(dialled);
  EXPECT_EQ(dialled->endpoint, "tcp:c");
  EXPECT_THAT(cluster.dialled, ElementsAre("tcp:a", "tcp:b", "tcp:c"));
}

TEST_F(DialAny, DoesNotDialTheSameAgain) {
  cluster.current = record.endpoints;
  const auto dialled = dial();
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().message, "dialling tcp:b: connection refused");
  EXPECT_THAT(cluster.dialled, ElementsAre("tcp:a", "tcp:b"));
}

TEST_F(DialAny, SaysThatTheJobIsOver) {
  cluster.job = {.state = JobState::kEnded, .reason = "by itself"};
  const auto dialled = dial();
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().code, Code::kClosed);
  EXPECT_THAT(dialled.error().message, HasSubstr("the job train has ended: by itself"));
}

}  // namespace
}  // namespace rdev::cluster
