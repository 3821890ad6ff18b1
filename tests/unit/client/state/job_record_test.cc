#include "client/state/job_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "client/state/instance_name.h"
#include "client/state/job_json.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::state {
namespace {

using test::TempDir;
using test::write_text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

JobRecord sample(const std::string& name) {
  JobRecord record;
  record.name = name;
  record.id = "0123abcd";
  record.cluster = "docker";
  record.pin = {{"DOCKER_HOST", "tcp://10.0.0.1:2376"}};
  record.native = "c0ffee";
  record.stage = Stage::kRunning;
  record.image = "debian:12";
  record.user = "rdev";
  record.host_public_key = "ssh-ed25519 AAAA";
  record.endpoints = {"tcp:127.0.0.1:1", "docker-exec:c0ffee"};
  record.shares_host_network = true;
  record.created_unix_s = 1700000000;
  record.ends_unix_s = 1700018000;
  return record;
}

TEST(JobName, IsWhatTheIssueAllows) {
  for (const char* good : {"a", "train", "a-1-b", "abcdefghijklmnopqrstuvwxyz01234"}) {
    EXPECT_TRUE(valid_job_name(good)) << good;
  }
  for (const char* bad : {"", "1a", "-a", "A", "a_b", "a.b", "a/b", "..", "a b", "é",
                          "abcdefghijklmnopqrstuvwxyz012345"}) {
    EXPECT_FALSE(valid_job_name(bad)) << bad;
  }
}

TEST(JobName, ComesFromADirectory) {
  EXPECT_EQ(job_name_from("/home/u/My Project_2"), "my-project-2");
  EXPECT_EQ(job_name_from("/srv/2024-data"), "data");
  EXPECT_EQ(job_name_from("/srv/résumé"), "r-sum");
  EXPECT_EQ(job_name_from("/"), "job");
  EXPECT_EQ(job_name_from("/srv/123"), "job");
  EXPECT_TRUE(valid_job_name(job_name_from("/x/" + std::string(300, 'n'))));
  EXPECT_EQ(job_name_from("/x/" + std::string(30, 'n') + "--x"), std::string(30, 'n'));
}

TEST(InstanceName, IsAJobsWithARank) {
  for (const auto& [text, job, rank] :
       {std::tuple("train", "train", 0), std::tuple("train.0", "train", 0),
        std::tuple("train.7", "train", 7), std::tuple("a.999", "a", 999)}) {
    const auto name = parse_instance_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->job, job);
    EXPECT_EQ(name->rank, rank);
  }
  for (const char* bad : {"", ".1", "train.", "train.x", "train.01", "train.-1", "train.+1",
                          "train.1.2", "train.1000", "train.99999999999", "Train.1", "train.1 "}) {
    EXPECT_FALSE(parse_instance_name(bad)) << bad;
  }
  EXPECT_EQ(instance_name("train", 0), "train");
  EXPECT_EQ(instance_name("train", 3), "train.3");
  EXPECT_TRUE(valid_instance_name("train.3"));
  EXPECT_FALSE(valid_instance_name("train.0"));  // not its short form
}

JobRecord of_three() {
  JobRecord job = sample("train");
  job.instance_keys = {"ssh-ed25519 AAAA", "ssh-ed25519 BBBB", "ssh-ed25519 CCCC"};
  return job;
}

TEST(Instances, HaveARecordOfTheirOwn) {
  const TempDir dir;
  const Paths paths = dir.paths();
  ASSERT_TRUE(save(paths, of_three()));
  for (const int rank : {2, 1}) {
    JobRecord one = instance_of(of_three(), rank);
    EXPECT_THAT(one.endpoints, ElementsAre());
    one.endpoints = {"tcp:10.0.0.1:" + std::to_string(rank)};
    ASSERT_TRUE(save(paths, one));
  }
  const auto second = load(paths, "train.2");
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->host_public_key, "ssh-ed25519 CCCC");
  EXPECT_THAT(second->endpoints, ElementsAre("tcp:10.0.0.1:2"));
  EXPECT_EQ(instances_of(*second), 3);
  EXPECT_THAT(further_instances(paths, "train"), ElementsAre("train.1", "train.2"));
  EXPECT_THAT(list_instances(paths), ElementsAre("train", "train.1", "train.2"));
  EXPECT_EQ(list(paths).jobs.size(), 1U);
  EXPECT_EQ(job_files(paths, "train.2").key, job_files(paths, "train").key);
  EXPECT_EQ(job_files(paths, "train.2").lock, job_files(paths, "train").lock);
  ASSERT_TRUE(remove(paths, "train"));
  EXPECT_FALSE(load(paths, "train.2"));
  EXPECT_FALSE(std::filesystem::exists(job_files(paths, "train").dir));
}

TEST(Instances, ThatAJobDoesNotHaveAreToldFromJobsThatAreNotThere) {
  const TempDir dir;
  ASSERT_TRUE(save(dir.paths(), of_three()));
  ASSERT_TRUE(save(dir.paths(), sample("alone")));
  EXPECT_THAT(load(dir.paths(), "train.3").error().message, HasSubstr("no instance 3: 0 to 2"));
  EXPECT_THAT(load(dir.paths(), "alone.1").error().message, HasSubstr("it has one only"));
  EXPECT_THAT(load(dir.paths(), "none.1").error().message, HasSubstr("no job called none"));
}

TEST(JobJson, RoundTrips) {
  const JobRecord before = sample("train");
  const auto after = parse_job_record(to_json(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(to_json(*after), to_json(before));
  EXPECT_EQ(after->endpoints, before.endpoints);
  EXPECT_EQ(after->pin, before.pin);
  EXPECT_EQ(after->stage, Stage::kRunning);
  EXPECT_EQ(after->ends_unix_s, before.ends_unix_s);
  EXPECT_TRUE(after->shares_host_network);
}

TEST(JobJson, IgnoresWhatANewerRdevWrote) {
  const auto record = parse_job_record(
      R"({"name":"a","id":"1","cluster":"local","stage":"submitting","future":{"x":[1]}})");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->stage, Stage::kSubmitting);
  EXPECT_FALSE(record->shares_host_network);
}

TEST(JobJson, RefusesWhatItCannotTrust) {
  for (const char* bad : {
           "",
           "[]",
           "{",
           R"({"id":"1","cluster":"local","stage":"running"})",
           R"({"name":"../x","id":"1","cluster":"local","stage":"running"})",
           R"({"name":"a","id":"","cluster":"local","stage":"running"})",
           R"({"name":"a","id":"1","stage":"running"})",
           R"({"name":"a","id":"1","cluster":"local"})",
           R"({"name":"a","id":"1","cluster":"local","stage":"other"})",
           R"({"name":"a","id":1,"cluster":"local","stage":"running"})",
           R"({"name":"a","id":"1","cluster":"local","stage":"running","endpoints":[1]})",
           R"({"name":"a","id":"1","cluster":"local","stage":"running","ends_unix_s":"x"})",
           R"({"name":"a","id":"1","cluster":"local","stage":"running","pin":{"A":1}})",
           R"({"name":"a","id":"1","cluster":"local","stage":"running","shares_host_network":1})",
       }) {
    const auto record = parse_job_record(bad);
    ASSERT_FALSE(record) << bad;
    EXPECT_EQ(record.error().code, Code::kProtocol) << bad;
  }
}

TEST(JobRecord, IsPrivateOnDisk) {
  const TempDir dir;
  const Paths paths = dir.paths();
  ASSERT_TRUE(save(paths, sample("train")));
  const JobFiles files = job_files(paths, "train");
  EXPECT_EQ(test::mode_of(files.record), 0600U);
  EXPECT_EQ(test::mode_of(files.dir), 0700U);
  EXPECT_EQ(test::mode_of(paths.state), 0700U);
  const auto loaded = load(paths, "train");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->native, "c0ffee");
}

TEST(JobRecord, ThatIsMissingSaysSo) {
  const TempDir dir;
  const auto loaded = load(dir.paths(), "train");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kNotFound);
  EXPECT_THAT(loaded.error().message, HasSubstr("train"));
}

TEST(JobRecord, OfAnotherNameIsRefused) {
  const TempDir dir;
  write_text(job_files(dir.paths(), "train").record, to_json(sample("other")));
  const auto loaded = load(dir.paths(), "train");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("other"));
}

TEST(JobRecord, ThatIsTooLongIsNotRead) {
  const TempDir dir;
  write_text(job_files(dir.paths(), "train").record, std::string(kMaxRecordBytes + 1, ' '));
  const auto loaded = load(dir.paths(), "train");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kLimit);
}

TEST(JobList, TellsGoodBrokenAndOrphans) {
  const TempDir dir;
  const Paths paths = dir.paths();
  EXPECT_TRUE(list(paths).jobs.empty());
  EXPECT_TRUE(list(paths).broken.empty());
  ASSERT_TRUE(save(paths, sample("b")));
  ASSERT_TRUE(save(paths, sample("a")));
  write_text(job_files(paths, "broken").record, "{");
  write_text(job_files(paths, "orphan").key, "key");
  write_text(paths.state / "jobs" / "NotAJob" / "x", "");
  const JobList found = list(paths);
  ASSERT_EQ(found.jobs.size(), 2U);
  EXPECT_EQ(found.jobs[0].name, "a");
  EXPECT_EQ(found.jobs[1].name, "b");
  ASSERT_EQ(found.broken.size(), 1U);
  EXPECT_THAT(found.broken[0].message, HasSubstr("rdev down broken"));
  EXPECT_THAT(found.orphans, ElementsAre("orphan"));
}

TEST(JobRecord, RemovalTakesTheDirectoryAndIsIdempotent) {
  const TempDir dir;
  const Paths paths = dir.paths();
  ASSERT_TRUE(save(paths, sample("a")));
  write_text(job_files(paths, "a").dir / "local" / "log", "text");
  ASSERT_TRUE(remove(paths, "a"));
  EXPECT_FALSE(std::filesystem::exists(job_files(paths, "a").dir));
  EXPECT_TRUE(remove(paths, "a"));
}

TEST(JobLock, IsHeldByOneAndOutlivesTheJob) {
  const TempDir dir;
  const Paths paths = dir.paths();
  ASSERT_TRUE(save(paths, sample("a")));
  {
    const auto first = lock_job(paths, "a", base::LockWait::kTry);
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_TRUE(remove(paths, "a"));
    const auto second = lock_job(paths, "a", base::LockWait::kTry);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kExists);
  }
  EXPECT_TRUE(lock_job(paths, "a", base::LockWait::kTry));
}

TEST(JobSocket, IsShortAndDiffersByStateAndName) {
  const TempDir dir;
  Paths paths = dir.paths();
  const auto one = job_socket(paths, "a");
  EXPECT_EQ(one, job_socket(paths, "a"));
  EXPECT_EQ(one.parent_path(), paths.runtime);
  EXPECT_EQ(one.filename().string().size(), 21U);
  EXPECT_NE(one, job_socket(paths, "b"));
  paths.state = "/elsewhere";
  EXPECT_NE(one, job_socket(paths, "a"));
}

}  // namespace
}  // namespace rdev::state
