#include "client/cluster/openpai/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Jobs, AsAnArray) {
  const auto list = parse_jobs(sample("v18-job-list"));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->total, std::nullopt);
  ASSERT_EQ(list->jobs.size(), 6U);
  const JobSummary& first = list->jobs.front();
  EXPECT_EQ(first.name, "okjob");
  EXPECT_EQ(first.user, "admin");
  EXPECT_EQ(first.state, State::kSucceeded);
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_EQ(first.submitted_ms, 1795295108000);
  EXPECT_EQ(first.completed_ms, 1795295111211);
  EXPECT_EQ(first.virtual_cluster, "default");
  EXPECT_EQ(list->jobs[2].tasks, 2);
  EXPECT_EQ(list->jobs[2].gpus, 2);
  EXPECT_EQ(list->jobs[2].completed_ms, std::nullopt);
  EXPECT_EQ(list->jobs.back().state, State::kStopped);
}

TEST(Jobs, AsAPage) {
  const auto list = parse_jobs(sample("v18-job-list-totalcount"));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->total, 1);
  ASSERT_EQ(list->jobs.size(), 1U);
  EXPECT_EQ(list->jobs[0].name, "rdev_probe_1");
}

TEST(Jobs, OldOnesWereSubmittedWhenCreated) {
  const auto list = parse_jobs(sample("sdk-job-list-yarn"));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->jobs.at(0).submitted_ms, 1563499625106);
}

TEST(Jobs, WhatIsNone) {
  EXPECT_TRUE(parse_jobs("[]")->jobs.empty());
  for (const char* body :
       {"", "{}", "7", R"({"data":{}})", "[7]", "[{}]", R"([{"name":"x"}])", "[[]]"}) {
    EXPECT_EQ(parse_jobs(body).error().code, Code::kProtocol) << body;
  }
}

TEST(JobConfig, OfAJobThatIsNotRdevs) {
  const auto config = parse_job_config(sample("v18-job-config-as-sent"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->role, "worker");
  EXPECT_EQ(config->image, "openpai/standard:python_3.6-pytorch_1.2.0-gpu");
  EXPECT_EQ(config->instances, 2);
  EXPECT_EQ(config->virtual_cluster, "default");
  EXPECT_EQ(config->rdev.has_value(), false);
}

const std::string kSha(64, 'a');
const std::string kKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRhdGE+/w==";

std::string facts_with(const std::string& from = "", const std::string& to = "") {
  std::string facts =
      R"({"id":"0123456789abcdef","name":"proj","owner":"SHA256:ab+/c","host_public_keys":[")" +
      kKey + R"("],"agent":{"sha256":")" + kSha + R"(","size":5000000},"version":"0.1.0"})";
  if (!from.empty()) {
    const std::size_t at = facts.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    facts.replace(at, from.size(), to);
  }
  return sample_with("v18-job-config-as-sent", "\"extras\": {",
                     "\"extras\": {\"rdev\":" + facts + ",");
}

TEST(JobConfig, OfAJobOfRdev) {
  const auto config = parse_job_config(facts_with());
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->rdev);
  EXPECT_EQ(config->rdev->id, "0123456789abcdef");
  EXPECT_EQ(config->rdev->name, "proj");
  EXPECT_EQ(config->rdev->owner, "SHA256:ab+/c");
  EXPECT_THAT(config->rdev->host_public_keys, ElementsAre(kKey));
  EXPECT_EQ(config->rdev->agent_sha256, kSha);
  EXPECT_EQ(config->rdev->agent_size, 5000000U);
  EXPECT_EQ(config->rdev->version, "0.1.0");
}

TEST(JobConfig, FactsThatAreWrongAreRefusedByName) {
  const struct {
    std::string from, to, member;
  } table[] = {
      {"0123456789abcdef", "", "id"},
      {"0123456789abcdef", "../x", "id"},
      {"\"proj\"", "\"Proj;x\"", "name"},
      {"\"proj\"", "null", "name"},
      {"SHA256:ab+/c", "SHA256:a b", "owner"},
      {kKey, kKey + "\\nx ssh-ed25519 AAAA", "host_public_keys"},
      {kKey, kKey + " comment", "host_public_keys"},
      {kKey, "ssh-rsa AAAA", "host_public_keys"},
      {"[\"" + kKey + "\"]", "[]", "host_public_keys"},
      {"[\"" + kKey + "\"]", "\"" + kKey + "\"", "host_public_keys"},
      {kSha, "A" + kSha.substr(1), "agent"},
      {kSha, kSha + "a", "agent"},
      {"5000000", "-5", "agent"},
      {"5000000", "0", "agent"},
      {"\"agent\":{", "\"other\":{", "agent"},
  };
  for (const auto& row : table) {
    const auto config = parse_job_config(facts_with(row.from, row.to));
    ASSERT_FALSE(config) << row.from << " -> " << row.to;
    EXPECT_EQ(config.error().code, Code::kProtocol);
    EXPECT_THAT(config.error().message, HasSubstr("wrong \"" + row.member + "\""));
  }
}

// One key that is none among good ones must not be left out: keys are counted by instance.
TEST(JobConfig, KeysAreNotLeftOut) {
  EXPECT_FALSE(parse_job_config(facts_with("[\"" + kKey, "[7,\"" + kKey)));
}

TEST(JobConfig, WhatIsNone) {
  for (const char* body : {"", "protocolVersion: 2\nname: x\n", "[]", "\"******\""}) {
    EXPECT_EQ(parse_job_config(body).error().code, Code::kProtocol) << body;
  }
  EXPECT_EQ(parse_job_config("{}")->role, "");
  EXPECT_EQ(parse_job_config(R"({"extras":{"rdev":null}})")->rdev.has_value(), false);
  EXPECT_FALSE(parse_job_config(R"({"extras":{"rdev":[]}})"));
}

}  // namespace
}  // namespace rdev::cluster::openpai
