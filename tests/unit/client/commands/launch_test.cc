#include "client/commands/launch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>

#include "client/commands/jobs.h"
#include "client/sshconfig/entry.h"
#include "client/state/front_keys.h"
#include "client/state/identity.h"
#include "tests/unit/client/commands/fake_cluster.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/run.h"

namespace rdev::commands {
namespace {

using test::FakeCluster;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Submit = FakeCluster::Submit;

class JobLife : public ::testing::Test {
 protected:
  JobLife() {
    auto fake = std::make_unique<FakeCluster>(loop_.get_executor());
    fake_ = fake.get();
    context_.clusters.put("local", std::move(fake));
  }
  ~JobLife() override {
    fake_->unreachable = false;
    while (!fake_->jobs.empty()) {
      const cluster::JobRef ref{.name = {}, .id = fake_->jobs.begin()->first, .native = {}};
      EXPECT_TRUE(run(fake_->stop(ref)));
    }
  }

  template <class T>
  T run(awaitable<T> work) {
    return test::run(loop_, std::move(work));
  }

  Result<state::JobRecord> launch_job(const std::string& name) {
    JobPlan plan{.cluster = "local", .spec = {}};
    plan.spec.name = name;
    plan.spec.image = "some:image";
    plan.spec.agent_binary = "/agent";
    plan.spec.lifetime = std::chrono::hours(1);
    return run(launch(context_, std::move(plan), progress_, &signal_));
  }

  void clean_up() {
    bool done = false;
    asio::co_spawn(loop_, clean_up_crashed(context_), [&](const std::exception_ptr& thrown) {
      EXPECT_FALSE(thrown);
      done = true;
    });
    loop_.restart();
    while (!done && loop_.run_one() > 0) {
    }
  }

  state::JobFiles files(const std::string& name) const { return job_files(paths_, name); }

  void expect_nothing_left(const std::string& name) const {
    EXPECT_FALSE(std::filesystem::exists(files(name).dir));
    EXPECT_FALSE(std::filesystem::exists(sshconfig::entry_file(paths_, name)));
    EXPECT_TRUE(fake_->jobs.empty());
  }

  test::TempDir dir_;
  state::Paths paths_ = dir_.paths();
  asio::io_context loop_;
  Context context_{.executor = loop_.get_executor(),
                   .paths = paths_,
                   .clusters = cluster::Clusters(loop_.get_executor(), paths_)};
  FakeCluster* fake_ = nullptr;
  base::Fd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  ui::Progress progress_{nowhere_.get(), ui::Terminal::kNo};
  int signal_ = 0;
};

TEST_F(JobLife, LaunchWritesTheIntentFirstAndTheEntryAtTheEnd) {
  fake_->at_submit = [&] {
    const auto intent = state::load(paths_, "a");
    ASSERT_TRUE(intent) << intent.error().message;
    EXPECT_EQ(intent->stage, state::Stage::kSubmitting);
    EXPECT_EQ(test::mode_of(files("a").key), 0600U);
    EXPECT_EQ(test::mode_of(files("a").front_key), 0600U);
    EXPECT_FALSE(std::filesystem::exists(sshconfig::entry_file(paths_, "a")));
  };
  const auto record = launch_job("a");
  ASSERT_TRUE(record) << record.error().message;
  const auto saved = state::load(paths_, "a");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->stage, state::Stage::kRunning);
  EXPECT_EQ(saved->native, "native-" + saved->id);
  EXPECT_EQ(saved->ends_unix_s, saved->created_unix_s + 3600);
  EXPECT_THAT(saved->endpoints, ElementsAre("fake:" + saved->id, "fake:first"));
  EXPECT_THAT(test::read_text(sshconfig::entry_file(paths_, "a")),
              HasSubstr(files("a").key.string()));
  const auto front = state::front_key(paths_, "a");
  EXPECT_EQ(test::read_text(files("a").known_hosts),
            "rdev-a " + front->public_key().text() + "\nrdev-a " + saved->host_public_key + "\n");
}

TEST_F(JobLife, TheBestEndpointStaysFirstWhenItWasOnlyAskedTooEarly) {
  fake_->deaf_for = 1;
  const auto record = launch_job("a");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_THAT(record->endpoints, ElementsAre("fake:first", "fake:" + record->id));
}

TEST_F(JobLife, KnowsWhetherTheJobHasItsHostsNetwork) {
  ASSERT_TRUE(launch_job("a"));
  EXPECT_FALSE(state::load(paths_, "a")->shares_host_network);
  fake_->host_network = true;
  ASSERT_TRUE(launch_job("b"));
  EXPECT_TRUE(state::load(paths_, "b")->shares_host_network);
}

TEST_F(JobLife, TheHostSeedIsNowhereOnTheLaptop) {
  ASSERT_TRUE(launch_job("a"));
  const std::string seed = fake_->jobs.begin()->second->spec.host_seed;
  ASSERT_EQ(seed.size(), 32U);
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir_.path())) {
    if (file.is_regular_file()) {
      EXPECT_EQ(test::read_text(file.path()).find(seed), std::string::npos) << file.path();
    }
  }
}

TEST_F(JobLife, BothKeysOpenTheJob) {
  ASSERT_TRUE(launch_job("a"));
  const auto& lines = fake_->jobs.begin()->second->spec.authorized_keys;
  const std::string own = state::load_key(files("a").key).value().public_key().text();
  const std::string lasting = state::long_lived_key(paths_).value().public_key().text();
  EXPECT_THAT(lines, ElementsAre(own + " rdev-a", lasting + " rdev"));
  EXPECT_NE(own, lasting);
}

TEST_F(JobLife, FailedSubmissionLeavesNothing) {
  fake_->submit_does = Submit::kFails;
  const auto record = launch_job("a");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().message, "the fake engine refuses");
  EXPECT_EQ(fake_->stopped.size(), 1U);
  expect_nothing_left("a");
}

TEST_F(JobLife, JobThatEndsAtOnceShowsItsLog) {
  fake_->submit_does = Submit::kEndsAtOnce;
  const auto record = launch_job("a");
  ASSERT_FALSE(record);
  EXPECT_THAT(record.error().message, HasSubstr("the job a has ended: it ended with code 3"));
  EXPECT_THAT(record.error().message, HasSubstr("the last line of the log"));
  expect_nothing_left("a");
}

TEST_F(JobLife, AnotherHostKeyIsRefusedAtOnce) {
  fake_->submit_does = Submit::kHasAnotherHostKey;
  const auto record = launch_job("a");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::kPermission);
  expect_nothing_left("a");
}

TEST_F(JobLife, InterruptCancelsAndRemoves) {
  fake_->submit_does = Submit::kNeverAnswers;
  fake_->at_submit = [&] { ::raise(SIGINT); };
  const auto record = launch_job("a");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::kCancelled);
  EXPECT_EQ(signal_, SIGINT);
  EXPECT_EQ(fake_->stopped.size(), 1U);
  expect_nothing_left("a");
}

TEST_F(JobLife, WhatCannotBeRemovedStaysAsAnIntent) {
  fake_->submit_does = Submit::kFails;
  fake_->at_submit = [&] { fake_->unreachable = true; };
  ASSERT_FALSE(launch_job("a"));
  const auto left = state::load(paths_, "a");
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_NE(left->stage, state::Stage::kRunning);
}

TEST_F(JobLife, ReattachTellsTheLivingFromTheDead) {
  auto record = launch_job("a");
  ASSERT_TRUE(record);
  std::filesystem::remove(sshconfig::entry_file(paths_, "a"));
  ASSERT_TRUE(run(reattach(context_, *record, progress_)));
  EXPECT_TRUE(std::filesystem::exists(sshconfig::entry_file(paths_, "a")));
  fake_->jobs.begin()->second->status = {
      .state = cluster::JobState::kEnded, .exit_code = 1, .reason = "it was killed"};
  const auto dead = run(reattach(context_, *record, progress_));
  ASSERT_FALSE(dead);
  EXPECT_THAT(dead.error().message, HasSubstr("it was killed"));
  EXPECT_THAT(dead.error().message, HasSubstr("rdev down a"));
}

TEST_F(JobLife, LostJobIsTakenOverWithTheLongLivedKey) {
  ASSERT_TRUE(launch_job("a"));
  std::filesystem::remove_all(paths_.state);
  const auto none = run(take_over(context_, "local", "b", progress_));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  const auto taken = run(take_over(context_, "local", "a", progress_));
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_TRUE(taken->has_value());
  EXPECT_EQ((*taken)->image, "some:image");
  EXPECT_EQ(identity_file(context_, "a"), state::long_lived_key_file(paths_));
  EXPECT_EQ(state::load(paths_, "a").value().stage, state::Stage::kRunning);
}

TEST_F(JobLife, CrashedIntentsAreFinishedByTheNextCommand) {
  auto record = launch_job("a");
  ASSERT_TRUE(record);
  record->stage = state::Stage::kSubmitting;
  ASSERT_TRUE(state::save(paths_, *record));
  test::write_text(files("orphan").key, "key");
  ASSERT_TRUE(launch_job("alive"));
  {
    const auto lock = state::lock_job(paths_, "a", base::LockWait::kTry);
    clean_up();
    EXPECT_TRUE(state::load(paths_, "a")) << "somebody works on it";
  }
  fake_->unreachable = true;
  clean_up();
  EXPECT_TRUE(state::load(paths_, "a")) << "its cluster could not be asked";
  fake_->unreachable = false;
  clean_up();
  EXPECT_FALSE(std::filesystem::exists(files("a").dir));
  EXPECT_FALSE(std::filesystem::exists(files("orphan").dir));
  EXPECT_THAT(fake_->stopped, ElementsAre(record->id));
  EXPECT_TRUE(state::load(paths_, "alive"));
}

}  // namespace
}  // namespace rdev::commands
