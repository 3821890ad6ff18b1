#include "client/cluster/local/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "client/cluster/local/job_files.h"
#include "client/cluster/local/keeper.h"
#include "client/cluster/local/labels.h"
#include "client/state/job_record.h"
#include "protocol/base/file.h"
#include "protocol/rdev.pb.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/run.h"

namespace rdev::cluster {
namespace {

using ::testing::HasSubstr;

class LocalClusterTest : public ::testing::Test {
 protected:
  LocalClusterTest()
      : program_(state::own_program().value()),
        cluster_(make_local(loop_.get_executor(),
                            {.paths = dir_.paths(), .keeper_program = program_})) {}

  ~LocalClusterTest() override {
    for (const std::string& id : ids_) {
      EXPECT_TRUE(kill_job(id, 0));
    }
  }

  JobSpec spec(const std::string& name) {
    JobSpec spec;
    spec.name = name;
    static int count = 0;
    spec.id = "unit-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    spec.owner = "owner-of-" + spec.id;
    spec.agent_binary = program_;
    spec.host_seed = std::string(32, 's');
    spec.host_public_key = "ssh-ed25519 AAAA";
    spec.authorized_keys = {"ssh-ed25519 BBBB"};
    ids_.push_back(spec.id);
    return spec;
  }

  template <class T>
  T run(awaitable<T> work) {
    return test::run(loop_, std::move(work));
  }

  JobRef submit(const JobSpec& job) {
    auto ref = run(cluster_->submit(job, [](const std::string&, const std::string&) {}));
    EXPECT_TRUE(ref) << ref.error().message;
    return ref.value_or(JobRef{});
  }

  std::filesystem::path job_dir(const std::string& name) const {
    return state::job_files(dir_.paths(), name).dir / "local";
  }

  std::string log_of(const JobRef& ref, Cluster::Follow follow) {
    std::string text;
    const auto read =
        run(cluster_->logs(ref, follow, [&](std::string_view bytes) { text += bytes; }));
    EXPECT_TRUE(read) << read.error().message;
    return text;
  }

  // Reads the log as it grows, up to `wanted`.
  void wait_for_log(const JobRef& ref, const std::string& wanted) {
    std::string text;
    auto executor = loop_.get_executor();
    bool seen = false;
    asio::cancellation_signal stop;
    asio::co_spawn(executor,
                   cluster_->logs(ref, Cluster::Follow::kYes,
                                  [&](std::string_view bytes) {
                                    text += bytes;
                                    seen = text.find(wanted) != std::string::npos;
                                  }),
                   asio::bind_cancellation_slot(
                       stop.slot(), [](const std::exception_ptr&, const Result<void>&) {}));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    loop_.restart();
    while (!seen && loop_.run_one_until(deadline) > 0) {
    }
    EXPECT_TRUE(seen) << text;
    stop.emit(asio::cancellation_type::terminal);
    loop_.restart();
    loop_.run_for(std::chrono::seconds(1));
  }

  // Follows the log to its end, which is the keeper's.
  JobStatus wait_for_end(const JobRef& ref) {
    (void)log_of(ref, Cluster::Follow::kYes);
    return run(cluster_->status(ref)).value();
  }

  test::TempDir dir_;
  asio::io_context loop_;
  std::filesystem::path program_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::string> ids_;
};

TEST_F(LocalClusterTest, RunsAJobThatCanBeDialledAndStopped) {
  const JobSpec job = spec("a");
  const JobRef ref = submit(job);
  wait_for_log(ref, "listening");
  Result<std::vector<Endpoint>> endpoints = run(cluster_->endpoints(ref));
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 1U);
  EXPECT_EQ((*endpoints)[0], "unix:" + state::job_socket(dir_.paths(), "a").string());
  const Result<base::Fd> socket = run(cluster_->dial(ref, (*endpoints)[0]));
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(run(cluster_->status(ref)).value().state, JobState::kRunning);
  EXPECT_TRUE(run(cluster_->shares_host_network(ref)).value());
  ASSERT_TRUE(run(cluster_->stop(ref)));
  EXPECT_EQ(run(cluster_->status(ref)).value().state, JobState::kGone);
  EXPECT_FALSE(std::filesystem::exists(job_dir("a")));
  EXPECT_FALSE(std::filesystem::exists(state::job_socket(dir_.paths(), "a")));
  EXPECT_TRUE(run(cluster_->stop(ref)));  // fine when it is gone already
}

TEST_F(LocalClusterTest, ConfigurationIsPrivateAndComplete) {
  JobSpec job = spec("a");
  job.lifetime = std::chrono::seconds(77);
  job.exit_with_command = true;
  job.login_shell = true;
  job.quiet = true;
  submit(job);
  const auto file = agent_config_file(job_dir("a"));
  EXPECT_EQ(test::mode_of(file), 0400U);
  EXPECT_EQ(test::mode_of(file.parent_path()), 0700U);
  EXPECT_EQ(test::mode_of(dir_.paths().runtime), 0700U);
  AgentConfig config;
  ASSERT_TRUE(config.ParseFromString(test::read_text(file)));
  EXPECT_EQ(config.job_name(), "a");
  EXPECT_EQ(config.job_id(), job.id);
  EXPECT_EQ(config.host_seed(), job.host_seed);
  EXPECT_EQ(config.authorized_keys_size(), 1);
  EXPECT_EQ(config.lifetime_seconds(), 77U);
  EXPECT_TRUE(config.exit_with_command());
  EXPECT_TRUE(config.login_shell());
  EXPECT_TRUE(config.quiet());
  EXPECT_EQ(config.listen_size(), 0);
}

TEST_F(LocalClusterTest, JobHasItsEnvironmentAndNoneOfOurs) {
  const test::Variable home("RDEV_HOME", "/secret");
  const test::Variable inherited("INHERITED", "yes");
  const test::Variable outer("RDEV_JOB_ID", "outer");
  JobSpec job = spec("a");
  job.env = {{"MINE", "1"}, {"INHERITED", "over"}};
  job.command = {"sh", "-c", "env; echo done"};
  const JobRef ref = submit(job);
  wait_for_log(ref, "done\n");
  const std::string log = log_of(ref, Cluster::Follow::kNo);
  EXPECT_THAT(log, HasSubstr("\nMINE=1\n"));
  EXPECT_THAT(log, HasSubstr("\nINHERITED=over\n"));
  EXPECT_THAT(log, HasSubstr("\nRDEV_JOB_ID=" + job.id + "\n"));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("RDEV_HOME")));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("RDEV_KEEPER")));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("outer")));
}

TEST_F(LocalClusterTest, EndIsRecordedWithItsCode) {
  JobSpec job = spec("a");
  job.env["FAKE_AGENT_EXIT"] = "3";
  const JobRef ref = submit(job);
  const JobStatus status = wait_for_end(ref);
  EXPECT_EQ(status.state, JobState::kEnded);
  EXPECT_EQ(status.exit_code, 3);
  EXPECT_EQ(status.reason, "it ended with code 3");
  EXPECT_TRUE(run(cluster_->endpoints(ref)).value().empty());
  EXPECT_THAT(log_of(ref, Cluster::Follow::kNo), HasSubstr("agent="));
}

TEST_F(LocalClusterTest, KilledAgentTakesItsTreeWithItAndIsNamed) {
  JobSpec job = spec("a");
  // A daemon in a session of its own and without labels: the keeper takes it in and ends it.
  job.command = {"sh", "-c", "setsid env -i sh -c 'echo daemon=$$.; exec sleep 1000' &"};
  const JobRef ref = submit(job);
  wait_for_log(ref, "daemon=");
  const std::string log = log_of(ref, Cluster::Follow::kNo);
  const pid_t agent = std::stoi(log.substr(log.find("agent=") + 6));
  const auto daemon = stat_of(std::stoi(log.substr(log.find("daemon=") + 7)));
  ASSERT_TRUE(daemon);
  ASSERT_EQ(::kill(agent, SIGKILL), 0);
  const JobStatus status = wait_for_end(ref);
  EXPECT_EQ(status.state, JobState::kEnded);
  EXPECT_EQ(status.exit_code, 128 + SIGKILL);
  EXPECT_THAT(status.reason, HasSubstr("killed by signal 9"));
  EXPECT_FALSE(is_alive(daemon->id));
}

TEST_F(LocalClusterTest, StopNeedsOnlyTheLabels) {
  JobSpec job = spec("a");
  job.command = {"sh", "-c", "echo up; exec sleep 1000"};
  const JobRef ref = submit(job);
  wait_for_log(ref, "up\n");
  std::filesystem::remove_all(dir_.paths().state);
  const auto listed = run(cluster_->list(job.owner));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ((*listed)[0].ref.name, "a");
  EXPECT_EQ((*listed)[0].ref.id, job.id);
  EXPECT_EQ((*listed)[0].ref.native, ref.native);
  EXPECT_EQ((*listed)[0].host_public_key, job.host_public_key);
  EXPECT_EQ((*listed)[0].status.state, JobState::kRunning);
  EXPECT_TRUE(run(cluster_->list("somebody else")).value().empty());
  ASSERT_TRUE(run(cluster_->stop({.name = "a", .id = job.id, .native = {}})));
  EXPECT_TRUE(run(cluster_->list(job.owner)).value().empty());
}

TEST_F(LocalClusterTest, KilledKeeperStillLeavesAJobThatCanBeStopped) {
  JobSpec job = spec("a");
  job.command = {"sh", "-c", "trap '' TERM; echo up; while :; do sleep 1000; done"};
  const JobRef ref = submit(job);
  wait_for_log(ref, "up\n");
  const auto keeper = parse_process_id(ref.native);
  ASSERT_EQ(::kill(keeper->pid, SIGKILL), 0);
  const JobStatus status = wait_for_end(ref);
  EXPECT_EQ(status.state, JobState::kEnded);
  EXPECT_THAT(status.reason, HasSubstr("killed"));
  ASSERT_EQ(run(cluster_->list(job.owner)).value().size(), 1U);
  ASSERT_TRUE(run(cluster_->stop(ref)));
  EXPECT_TRUE(run(cluster_->list(job.owner)).value().empty());
}

TEST_F(LocalClusterTest, RefusesWhatNeedsAContainer) {
  const JobSpec plain = spec("a");
  EXPECT_TRUE(cluster_->check(plain));
  const auto refused = [&](auto change) {
    JobSpec job = plain;
    change(job);
    const auto checked = cluster_->check(job);
    return !checked && checked.error().code == Code::kUsage &&
           checked.error().message.find("--cluster docker") != std::string::npos;
  };
  EXPECT_TRUE(refused([](JobSpec& job) { job.image = "debian"; }));
  EXPECT_TRUE(refused([](JobSpec& job) { job.gpus = 1; }));
  EXPECT_TRUE(refused([](JobSpec& job) { job.mounts.emplace_back(); }));
  EXPECT_TRUE(refused([](JobSpec& job) { job.publish = "0.0.0.0"; }));
  EXPECT_TRUE(refused([](JobSpec& job) { job.user = "root"; }));
  EXPECT_TRUE(refused([](JobSpec& job) { job.read_only = true; }));
}

TEST_F(LocalClusterTest, MissingAgentIsSeenAsTheEnd) {
  JobSpec job = spec("a");
  job.agent_binary = "/no/such/agent";
  const JobRef ref = submit(job);
  const JobStatus status = wait_for_end(ref);
  EXPECT_EQ(status.exit_code, 127);
  EXPECT_THAT(log_of(ref, Cluster::Follow::kNo), HasSubstr("/no/such/agent"));
}

}  // namespace
}  // namespace rdev::cluster
